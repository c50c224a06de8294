"""Which assumptions fit: break-even timing, sensitivities, market fits."""

from calibration.breakeven import STATUSES as STATUSES
from calibration.breakeven import BreakEven as BreakEven
from calibration.breakeven import break_even as break_even
from calibration.breakeven import break_evens as break_evens
from calibration.located import Located as Located
from calibration.located import locate as locate
from calibration.roots import ROOT_STATUS as ROOT_STATUS
from calibration.roots import Root as Root
from calibration.roots import find_root as find_root
from calibration.scan import Scan as Scan
from calibration.study import explain as explain
from calibration.study import heat_map as heat_map
from calibration.study import study as study
