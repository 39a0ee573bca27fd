// The attention_decode op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "ops/attention/row.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

struct Job {
  const AttentionDecode& a;
  int64_t head;   // first query head
  int64_t heads;  // query heads
  int64_t kv;     // offset of the kv head in a pool row

  KeySpan span(const KvSpan& s) const {
    const int64_t width = int64_t{a.shape.kv_heads} * a.shape.head_dim;
    return {a.keys + s.first * width + kv, a.values + s.first * width + kv, width, s.count};
  }
};

// What the window leaves of a span of `count` keys that `after` more of the chain follow.
Sight in_window(int64_t window, int64_t count, int64_t after) {
  const int64_t low = window > 0 ? count + after - window : 0;
  return {low < 0 ? 0 : low < count ? low : count, count};
}

// Rows [first, last), which share their prefix.
void run_rows(const Job& job, Tile& tile, int64_t first, int64_t last) {
  const AttentionDecode& a = job.a;
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim;
  Sight sight[kTileRows];
  tile.clear();
  for (int64_t m = first; m < last; m++) tile.add(a.qkv + (m * (H + 2 * G) + job.head) * D);
  const KvSpan& prefix = a.decode->prefix[first];
  for (int64_t m = first; m < last; m++)
    sight[m - first] = in_window(a.shape.window, prefix.count, a.decode->own[m].count);
  if (prefix.count > 0) tile.walk(job.span(prefix), sight, 0, last - first);
  for (int64_t m = first; m < last; m++) {
    const KvSpan& own = a.decode->own[m];
    sight[m - first] = in_window(a.shape.window, own.count, 0);
    tile.walk(job.span(own), sight, m - first, m - first + 1);
    tile.finish(m - first, a.out + (m * H + job.head) * D, nullptr);
  }
}

bool same_prefix(const KvSpan& a, const KvSpan& b) {
  return a.count == b.count && (a.count == 0 || a.first == b.first);
}

// Rows per tile: few enough that every thread has some tiles, at most what a tile holds.
int64_t rows_per_tile(const Exec& exec, int64_t rows, const HeadCut& cut, int64_t kv_heads) {
  const int64_t wanted = round_up(4 * exec.backend->threads.size(), kv_heads * cut.chunks) / (kv_heads * cut.chunks);
  const int64_t share = (rows + wanted - 1) / wanted;
  return share < cut.tile_rows ? share : cut.tile_rows;
}

}  // namespace

void attention_decode(const Exec& exec, const AttentionDecode& a) {
  const int64_t rows = a.decode->rows, G = a.shape.kv_heads;
  if (rows == 0) return;
  const HeadCut cut(a.shape);
  const int64_t step = rows_per_tile(exec, rows, cut, G), tiles = (rows + step - 1) / step;
  exec.backend->threads.parallel(tiles * G * cut.chunks, [&](int64_t unit, int32_t thread) {
    const int64_t chunk = unit % cut.chunks, g = unit / cut.chunks % G, begin = unit / cut.chunks / G * step;
    const int64_t end = begin + step < rows ? begin + step : rows;
    const Job job = {a, g * cut.per_group + chunk * cut.chunk, cut.count(chunk), g * a.shape.head_dim};
    Tile tile(exec.backend->threads.scratch(thread), a.shape, job.heads);
    for (int64_t m = begin, next; m < end; m = next) {
      for (next = m + 1; next < end && same_prefix(a.decode->prefix[m], a.decode->prefix[next]);) next++;
      run_rows(job, tile, m, next);
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
