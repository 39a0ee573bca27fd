// The matrix products of the CPU kernels; all of linear and head is made of them:
//   gemm/panels.h       the layout of weights
//   gemm/pack_weight.h  brings weights into it
//   gemm/tile.h         a tile of C in registers
//   gemm/product.h      C = base + A B, B in panels: forward and backward_input
//   gemm/outer.h        dW += dy^T x: backward_weight
// Sums are taken in the order that linear/op.h states: chains of kChain depths from 0, added to the
// base in ascending order. Tiles, panels, blocks and threads do not enter.
#pragma once
#include "backends/cpu/gemm/outer.h"
#include "backends/cpu/gemm/product.h"
