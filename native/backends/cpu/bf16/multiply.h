// multiply() of the family.
#pragma once
#if defined(__AMX_BF16__)
#include "backends/cpu/bf16/multiply_amx.h"
#else
#include "backends/cpu/bf16/multiply_dot.h"
#endif
