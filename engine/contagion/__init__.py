"""Layer 8, what spreads: clearing of mutual liabilities and fire sales."""

from engine.contagion.clearing import Clearing as Clearing
from engine.contagion.clearing import clear as clear
from engine.contagion.clearing_batch import CLEARING_STATUS as CLEARING_STATUS
from engine.contagion.clearing_batch import ClearingBatch as ClearingBatch
from engine.contagion.clearing_batch import ClearingStatus as ClearingStatus
from engine.contagion.clearing_batch import clear_batch as clear_batch
from engine.contagion.clearing_batch import clearing_status as clearing_status
from engine.contagion.deleveraging import DELEVERAGING_STATUS as DELEVERAGING_STATUS
from engine.contagion.deleveraging import Deleveraging as Deleveraging
from engine.contagion.deleveraging import deleverage as deleverage
from engine.contagion.deleveraging import price_fall as price_fall
from engine.contagion.fire_sale import FireSale as FireSale
from engine.contagion.fire_sale import fire_sale as fire_sale
from engine.contagion.similarity import reprice as reprice
from engine.contagion.similarity import similarity as similarity
