"""Configs: TOML files with provenance, checked, and built into what the engine runs.

The only place that imports pydantic; `import engine` alone does not import it.
"""

from engine.config.economy import EconomyConfig as EconomyConfig
from engine.config.economy import json_schema as json_schema
from engine.config.economy import keys as keys
from engine.config.errors import ConfigError as ConfigError
from engine.config.figures import FigureRecord as FigureRecord
from engine.config.load import load as load
from engine.config.sweeps import Axis as Axis
from engine.config.sweeps import Sweep as Sweep
from engine.config.sweeps import load_sweep as load_sweep
