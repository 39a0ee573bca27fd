// Measures exp() of vec.h against expl, for the family that this file is compiled for. Walks the
// floats of the range in steps of a few thousand ulps and every float near the places where
// something changes: 0, the ends of the range, and the half-integers of x log2(e), where the
// reduction is longest. Fails when an error exceeds the claim in vec.h.
#include "backends/cpu/vec.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace spar {
namespace SPAR_ISA_NS {
namespace {

constexpr double kClaimUlp = 1.05;  // a sweep of every eleventh float finds 1.0081

struct Worst {
  double ulp = 0;
  float at = 0;
};

float exp_of(float x) {
  float lanes[kLanes];
  store(lanes, exp(splat(x)));
  return lanes[kLanes - 1];
}

// In units of the spacing of floats at the truth.
void measure(float x, Worst& worst) {
  const long double truth = std::exp(static_cast<long double>(x));
  const float near = static_cast<float>(truth);
  const long double spacing = static_cast<long double>(std::nextafter(near, INFINITY)) - static_cast<long double>(near);
  const double ulp = static_cast<double>(std::fabs(static_cast<long double>(exp_of(x)) - truth) / spacing);
  if (!(ulp <= worst.ulp)) worst = {ulp, x};
}

Worst sweep() {
  Worst worst;
  const float low = -87.33654f, high = 88.72283f;
  for (int sign = 0; sign < 2; sign++) {
    float end = sign ? low : high, x = sign ? -0x1p-40f : 0x1p-40f;
    uint32_t bits, last;
    std::memcpy(&bits, &x, 4);
    std::memcpy(&last, &end, 4);
    for (; bits <= last; bits += 1777) {
      std::memcpy(&x, &bits, 4);
      measure(x, worst);
    }
  }
  for (int half = -252; half <= 255; half++) {
    float x = static_cast<float>(half * 0.34657359027997264);
    if (x < low || x > high) continue;
    for (int k = 0; k < 200; k++) x = std::nextafter(x, -INFINITY);
    for (int k = 0; k < 400; k++, x = std::nextafter(x, INFINITY))
      if (x >= low && x <= high) measure(x, worst);
  }
  return worst;
}

bool edges() {
  const float inf = std::numeric_limits<float>::infinity();
  bool ok = exp_of(0) == 1 && exp_of(-0.0f) == 1 && exp_of(-inf) == 0 && exp_of(-1000) == 0 && exp_of(-88) == 0;
  ok = ok && exp_of(inf) == inf && exp_of(1000) == inf && exp_of(89) == inf && std::isnan(exp_of(NAN));
  ok = ok && std::isfinite(exp_of(88.72283f)) && exp_of(-87.33654f) >= 0x1p-126f;
  if (!ok) std::printf("exp at an edge is wrong\n");
  return ok;
}

// Each tree against sums in the documented order, and the short loads and stores.
bool lanes() {
  float in[kLanes], tree[kLanes], out[kLanes];
  bool ok = true;
  for (int i = 0; i < kLanes; i++)
    tree[i] = in[i] = static_cast<float>(std::sin(i + 1.0)) * static_cast<float>(1 << (i % 8));
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) tree[i] += tree[i + width];
  float top = in[0];
  for (float x : in) top = x > top ? x : top;
  ok = ok && sum(load(in)) == tree[0] && max(load(in)) == top;
  for (int n = 0; n < kLanes; n++) {
    store(out, load_some(in, n, 7));
    for (int i = 0; i < kLanes; i++) ok = ok && out[i] == (i < n ? in[i] : 7);
    store(out, splat(-3));
    store_some(out, load(in), n);
    for (int i = 0; i < kLanes; i++) ok = ok && out[i] == (i < n ? in[i] : -3);
  }
  store(out, splat(-0.0f));
  ok = ok && std::signbit(out[0]);
  if (!ok) std::printf("a lane operation is wrong\n");
  return ok;
}

int run() {
  const Worst worst = sweep();
  std::printf("%d lanes: largest error of exp %.4f ulp at %.9g, claimed %.2f\n", kLanes, worst.ulp,
              static_cast<double>(worst.at), kClaimUlp);
  return worst.ulp <= kClaimUlp && edges() && lanes() ? 0 : 1;
}

}  // namespace
}  // namespace SPAR_ISA_NS
}  // namespace spar

int main() {
#if defined(__AVX512F__)
  const bool here = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#elif defined(__AVX2__)
  const bool here = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  const bool here = true;
#endif
  if (here) return spar::SPAR_ISA_NS::run();
  std::printf("this CPU cannot run the family's kernels\n");
  return 77;  // ctest then says "Skipped"
}
