"""Layer 8, what spreads: clearing of mutual liabilities and fire sales."""

from engine.contagion.clearing import Clearing as Clearing
from engine.contagion.clearing import clear as clear
from engine.contagion.fire_sale import FireSale as FireSale
from engine.contagion.fire_sale import fire_sale as fire_sale
