"""Synthetic patients in exactly the layout of the LGG data set, so that one code path reads both.

    make_patient(seed, index)            one patient, in memory
    stages(seed, index)                  pictures of how one slice of it comes about
    write_phantoms(root, patients, seed) a folder of them

Draw first, then apply: `parameters` draws every choice for a patient into a frozen dataclass;
`anatomy`, `tumour` and `contrast` turn these into pixels. The brain comes from the MNI152 tissue maps
(ICBM 2009a symmetric; Fonov et al. 2011) inside the nilearn wheel, so nothing is downloaded.

Same seed, same files: identical on one machine, whatever the number of processes. On another machine
(other processor, other NumPy) a pixel may differ by 1 grey level where a sum lies on a rounding edge.
"""

from unet_lib.data.phantom.make import Phantom, make_patient, stages
from unet_lib.data.phantom.parameters import PatientParameters, draw_patient
from unet_lib.data.phantom.write import VERSION, write_phantoms

__all__ = ["VERSION", "PatientParameters", "Phantom", "draw_patient", "make_patient", "stages", "write_phantoms"]
