"""Layer 6, who holds the paper."""

from engine.funds.borrowing import NavLoan as NavLoan
from engine.funds.borrowing import SubscriptionLine as SubscriptionLine
from engine.funds.borrowing import nav_loan as nav_loan
from engine.funds.borrowing import subscription_line as subscription_line
from engine.funds.capital_calls import CapitalCalls as CapitalCalls
from engine.funds.capital_calls import call_capital as call_capital
from engine.funds.deal_by_deal import DealDistribution as DealDistribution
from engine.funds.deal_by_deal import distribute_by_deal as distribute_by_deal
from engine.funds.distribute import Distribution as Distribution
from engine.funds.distribute import distribute as distribute
from engine.funds.incentive import gains_fee as gains_fee
from engine.funds.incentive import income_fee as income_fee
from engine.funds.redemptions import Redemptions as Redemptions
from engine.funds.redemptions import redeem as redeem
