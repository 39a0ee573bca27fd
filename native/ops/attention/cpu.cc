// The attention op for one kernel family: see op.h. The backward pass is in backward.h.
#include "backends/cpu/kernels.h"
#include "ops/attention/backward.h"
#include "ops/attention/backward_tiles.h"
#include "ops/attention/blocks.h"
#include "ops/attention/chain.h"
#include "ops/attention/row.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

// A run of rows of one segment.
struct Piece {
  int32_t segment;
  int64_t first, last;
};

// Neighbouring pieces whose segments have the same prefix; they walk it together.
struct Run {
  Piece piece[kTileRows];
  int64_t count = 0;
};

struct Job {
  const AttentionForward& a;
  int64_t head;  // first query head of the tile
  int64_t kv;    // column of the keys in a row of qkv
};

RowSpan span_of(const Job& job, const spar_segment& segment) {
  const AttentionShape& shape = job.a.shape;
  const int64_t stride = int64_t{shape.heads + 2 * shape.kv_heads} * shape.head_dim;
  const float* keys = job.a.qkv + segment.first_row * stride + job.kv;
  return {keys, keys + int64_t{shape.kv_heads} * shape.head_dim, stride, segment.num_rows};
}

// The sights of a piece's rows, which start at row `at` of the tile, of segment s.
void look(const Job& job, int32_t s, const Piece& piece, int64_t at, Sight* sight) {
  const spar_segment& segment = job.a.batch->segment[s];
  for (int64_t m = piece.first; m < piece.last; m++)
    sight[at + m - piece.first] = sight_of(*job.a.batch, segment, m, job.a.shape.window);
}

void run_rows(const Job& job, Tile& tile, const Run& run) {
  const AttentionForward& a = job.a;
  const int64_t H = a.shape.heads, D = a.shape.head_dim, stride = (H + 2 * a.shape.kv_heads) * D;
  Sight sight[kTileRows];
  tile.clear();
  for (int64_t i = 0; i < run.count; i++)
    for (int64_t m = run.piece[i].first; m < run.piece[i].last; m++) tile.add(a.qkv + m * stride + job.head * D);
  const Chain chain(*a.batch, run.piece[0].segment);
  for (int32_t k = 0; k < chain.count; k++) {
    for (int64_t i = 0, at = 0; i < run.count; at += run.piece[i].last - run.piece[i].first, i++)
      look(job, chain.segment[k], run.piece[i], at, sight);
    tile.walk(span_of(job, a.batch->segment[chain.segment[k]]), sight, 0, tile.rows());
  }
  int64_t row = 0;
  for (int64_t i = 0; i < run.count; i++) {
    const Piece& piece = run.piece[i];
    look(job, piece.segment, piece, row, sight);
    tile.walk(span_of(job, a.batch->segment[piece.segment]), sight, row, row + piece.last - piece.first);
    for (int64_t m = piece.first; m < piece.last; m++, row++)
      tile.finish(row, a.out + (m * H + job.head) * D, a.lse + m * H + job.head);
  }
}

// All rows of [first, last), in runs.
void run_tile(const Job& job, Tile& tile, int64_t first, int64_t last) {
  const BatchView& batch = *job.a.batch;
  Run run;
  for (int32_t s = 0; s < batch.segments; s++) {
    const spar_segment& segment = batch.segment[s];
    const int64_t end = int64_t{segment.first_row} + segment.num_rows;
    if (segment.first_row >= last || end <= first) continue;
    if (run.count > 0 && batch.segment[run.piece[0].segment].prefix != segment.prefix) {
      run_rows(job, tile, run);
      run.count = 0;
    }
    run.piece[run.count++] = {s, segment.first_row > first ? segment.first_row : first, end < last ? end : last};
  }
  if (run.count > 0) run_rows(job, tile, run);
}

// A unit is one block of keys of one kv head in one phase: see blocks.h.
template <class Block>
void backward(const Exec& exec, const AttentionBackward& a) {
  const int64_t G = a.shape.kv_heads;
  const RowBlocks blocks = {*a.batch, Block::keys(a.shape)};
  const int64_t phases = blocks.phases(), units = blocks.total() * G;
  for (int64_t phase = 0; phase < phases; phase++)
    exec.backend->threads.parallel(units, [&](int64_t unit, int32_t thread) {
      int64_t j = unit / G;
      const int32_t s = blocks.segment_of(j);
      if (!blocks.meets(s, j, phase)) return;
      Block block(exec.backend->threads.scratch(thread), a, unit % G, phase > 0);
      block.load_keys(a.batch->segment[s], blocks.first(s, j), blocks.last(s, j));
      blocks.each_meeting(s, j, phase,
                          [&](int32_t u, int64_t i) { block.add_queries(blocks.first(u, i), blocks.last(u, i)); });
      block.store_keys();
    });
}

}  // namespace

// Units are claimed in order: the last rows, which see most, come first.
void attention_forward(const Exec& exec, const AttentionForward& a) {
  const HeadCut cut(a.shape);
  const int64_t rows = a.batch->rows, G = a.shape.kv_heads;
  if (rows == 0) return;
  const int64_t step = cut.unit_rows(rows, G, 8 * exec.backend->threads.size()), tiles = (rows + step - 1) / step;
  exec.backend->threads.parallel(tiles * G * cut.chunks, [&](int64_t unit, int32_t thread) {
    const int64_t chunk = unit % cut.chunks, g = unit / cut.chunks % G;
    const int64_t first = (tiles - 1 - unit / cut.chunks / G) * step;
    const Job job = {a, g * cut.per_group + chunk * cut.chunk, (a.shape.heads + g) * a.shape.head_dim};
    Tile tile(exec.backend->threads.scratch(thread), a.shape, cut.count(chunk));
    run_tile(job, tile, first, first + step < rows ? first + step : rows);
  });
}

void attention_backward(const Exec& exec, const AttentionBackward& a) {
#if defined(__AMX_BF16__)
  if (BackwardTiles::fits(exec, a.shape)) return backward<BackwardTiles>(exec, a);
#endif
  backward<BackwardBlock>(exec, a);
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
