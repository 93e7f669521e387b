"""The ground floor: errors, paths, counts, devices, whole files and where figures come from; knows no other room."""
