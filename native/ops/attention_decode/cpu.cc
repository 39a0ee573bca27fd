// The attention_decode op for one kernel family: see op.h.
#include "backends/cpu/kernels.h"
#include "ops/attention/row.h"
#include "ops/attention_decode/pool_span.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

struct Job {
  const AttentionDecode& a;
  int64_t head;     // first query head
  int64_t heads;    // query heads
  int64_t kv;       // kv head
  int64_t element;  // bytes of one in the pool

  PoolSpan span(const KvSpan& s, const KvSpan& next) const {
    const int64_t head = kv * a.pool.slots * a.shape.head_dim * element;
    return {static_cast<const char*>(a.pool.keys) + head,
            static_cast<const char*>(a.pool.values) + head,
            s.first,
            s.count,
            element == 2,
            next.first};
  }
  // What is read after the own spans of the rows before m.
  const KvSpan& read_after(int64_t m) const {
    if (m == a.decode->rows) return a.decode->own[m - 1];
    return a.decode->prefix[m].count > 0 ? a.decode->prefix[m] : a.decode->own[m];
  }
};

// What the window leaves of a span of `count` keys that `after` more of the chain follow.
Sight in_window(int64_t window, int64_t count, int64_t after) {
  const int64_t low = window > 0 ? count + after - window : 0;
  return {low < 0 ? 0 : low < count ? low : count, count};
}

bool same_prefix(const KvSpan& a, const KvSpan& b) {
  return a.count == b.count && (a.count == 0 || a.first == b.first);
}

// Rows [first, last) walk their own spans, which begin at the same slot: rows of one prompt, or one row.
void walk_own(const Job& job, Tile& tile, int64_t tile_first, int64_t first, int64_t last) {
  const AttentionDecode& a = job.a;
  Sight sight[kTileRows];
  KvSpan longest = a.decode->own[first];
  for (int64_t m = first; m < last; m++) {
    const KvSpan& own = a.decode->own[m];
    sight[m - tile_first] = in_window(a.shape.window, own.count, 0);
    if (own.count > longest.count) longest = own;
  }
  tile.walk(job.span(longest, job.read_after(last)), sight, first - tile_first, last - tile_first);
}

// Rows [first, last), which share their prefix.
void run_rows(const Job& job, Tile& tile, int64_t first, int64_t last) {
  const AttentionDecode& a = job.a;
  const int64_t H = a.shape.heads, G = a.shape.kv_heads, D = a.shape.head_dim;
  const KvSpan& prefix = a.decode->prefix[first];
  Sight sight[kTileRows];
  tile.clear();
  for (int64_t m = first; m < last; m++) {
    tile.add(a.qkv + (m * (H + 2 * G) + job.head) * D);
    sight[m - first] = in_window(a.shape.window, prefix.count, a.decode->own[m].count);
  }
  if (prefix.count > 0) tile.walk(job.span(prefix, a.decode->own[first]), sight, 0, last - first);
  for (int64_t m = first, next; m < last; m = next) {
    for (next = m + 1; next < last && a.decode->own[next].first == a.decode->own[m].first;) next++;
    walk_own(job, tile, first, m, next);
  }
  for (int64_t m = first; m < last; m++) tile.finish(m - first, a.out + (m * H + job.head) * D, nullptr);
}

// Whether row m reads keys that row m - 1 reads too.
bool shares(const DecodeView& decode, int64_t m) {
  const bool prefix = decode.prefix[m].count > 0 && same_prefix(decode.prefix[m - 1], decode.prefix[m]);
  return prefix || decode.own[m - 1].first == decode.own[m].first;
}

// Where the unit that should begin at row m begins: rows that share keys stay together unless they
// are more than `step`.
int64_t unit_begin(const DecodeView& decode, int64_t m, int64_t step) {
  if (m >= decode.rows) return decode.rows;
  int64_t begin = m;
  while (begin > 0 && m - begin < step && shares(decode, begin)) begin--;
  return m - begin < step ? begin : m;
}

}  // namespace

void attention_decode(const Exec& exec, const AttentionDecode& a) {
  const int64_t rows = a.decode->rows, G = a.shape.kv_heads;
  if (rows == 0) return;
  const HeadCut cut(a.shape);
  // A unit may grow to twice the step.
  const int64_t wanted = cut.unit_rows(rows, G, 8 * exec.backend->threads.size()), most = (cut.tile_rows + 1) / 2;
  const int64_t step = wanted < most ? wanted : most, tiles = (rows + step - 1) / step;
  exec.backend->threads.parallel(tiles * G * cut.chunks, [&](int64_t unit, int32_t thread) {
    const int64_t chunk = unit % cut.chunks, g = unit / cut.chunks % G, tile_index = unit / cut.chunks / G;
    const int64_t begin = unit_begin(*a.decode, tile_index * step, step);
    const int64_t end = unit_begin(*a.decode, (tile_index + 1) * step, step);
    const Job job = {a, g * cut.per_group + chunk * cut.chunk, cut.count(chunk), g, pool_element_bytes(exec.precision)};
    Tile tile(exec.backend->threads.scratch(thread), a.shape, job.heads);
    for (int64_t m = begin, next; m < end; m = next) {
      for (next = m + 1; next < end && same_prefix(a.decode->prefix[m], a.decode->prefix[next]);) next++;
      run_rows(job, tile, m, next);
    }
  });
}

}  // namespace SPAR_ISA_NS
}  // namespace spar
