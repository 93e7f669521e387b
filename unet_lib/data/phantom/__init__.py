"""Synthetic patients in exactly the layout of the LGG data set, so that one code path reads both.

    make_patient(seed, index)            one patient, in memory
    stages(seed, index)                  images of how one slice of it comes about
    write_phantoms(root, patients, seed) a folder of them
    read_labels(root)                    the tissue of every pixel of these

Draw first, then apply: `parameters` draws every choice for a patient into a frozen dataclass;
`anatomy` (with `cortex`, `skull` and `face`), `tumour`, `contrast` and `scanner` turn these into pixels. The brain
comes from the MNI152 tissue maps (ICBM 2009a symmetric; Fonov et al. 2011) inside the nilearn wheel, so nothing is
downloaded; its folds are drawn anew for each patient.

Same seed, same files, whatever the number of processes and the processor's instruction sets: fields are made of
additions, products and square roots, which round alike everywhere, and images are formed in float64. Another
compiler may round a product and a sum together: there a pixel may differ by 1 grey level.
"""

from unet_lib.data.phantom.labels import GROUP_NAMES, group_tissues, read_labels
from unet_lib.data.phantom.make import Phantom, make_patient, stages
from unet_lib.data.phantom.parameters import PatientParameters, draw_patient
from unet_lib.data.phantom.write import VERSION, write_phantoms

__all__ = ["GROUP_NAMES", "VERSION", "PatientParameters", "Phantom", "draw_patient", "group_tissues", "make_patient",
           "read_labels", "stages", "write_phantoms"]
