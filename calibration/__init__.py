"""Which assumptions fit: break-even timing, sensitivities, market fits."""

from calibration.roots import ROOT_STATUS as ROOT_STATUS
from calibration.roots import Root as Root
from calibration.roots import find_root as find_root
