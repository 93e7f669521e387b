"""The ground floor: errors, paths, counts and scores, devices, atomic files, provenance; imports no other room."""
