"""A second way to run a batch: the engine's own program as one C kernel.

A jaxpr of one scenario is made flat (`program`), its arithmetic gathered into loops
(`schedule`) and written as C in which every number is a block of scenarios (`source`),
then compiled by the machine's C compiler and called from one thread per core
(`kernel`). Nothing of the model is written twice: the formulas are the engine's.

Forward passes only, on CPUs only; gradients and accelerators are XLA's. A program that
holds something unknown here raises `Unsupported`, and the caller takes XLA.
"""

from native.build import NoCompiler as NoCompiler
from native.build import compiler as compiler
from native.kernel import Kernel as Kernel
from native.kernel import compile_kernel as compile_kernel
from native.program import Unsupported as Unsupported
