// Measures exp() of vec.h and exp2() of exp2.h against long double, for the family that this file is
// compiled for. Walks the
// floats of the range in steps of a few thousand ulps and every float near the places where
// something changes: 0, the ends of the range, and the half-integers of x log2(e), where the
// reduction is longest. Fails when an error exceeds the claim in vec.h.
#include "backends/cpu/vec.h"

#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <limits>

#include "backends/cpu/exp2.h"

namespace spar {
namespace SPAR_ISA_NS {
namespace {

constexpr double kClaimUlp2 = 1.2;  // 0.94 where multiply-adds are fused
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

float exp2_of(float x) {
  float lanes[kLanes];
  store(lanes, exp2(splat(x)));
  return lanes[kLanes - 1];
}

// In units of the spacing of floats at the truth.
void compare(float x, float got, long double truth, Worst& worst) {
  const float near = static_cast<float>(truth);
  const long double spacing = static_cast<long double>(std::nextafter(near, INFINITY)) - static_cast<long double>(near);
  const double ulp = static_cast<double>(std::fabs(static_cast<long double>(got) - truth) / spacing);
  if (!(ulp <= worst.ulp)) worst = {ulp, x};
}

void measure(float x, Worst& worst) { compare(x, exp_of(x), std::exp(static_cast<long double>(x)), worst); }

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

// Floats of [-126, 127] a few thousand ulps apart, and those around the half-integers.
Worst sweep_exp2() {
  Worst worst;
  const auto measure2 = [&](float x) { compare(x, exp2_of(x), std::exp2(static_cast<long double>(x)), worst); };
  for (float end : {-126.0f, 126.9999f}) {
    float x = std::copysign(0x1p-40f, end);
    for (; std::fabs(x) <= std::fabs(end); x *= 1.00021f) measure2(x);
  }
  for (int half = -252; half <= 253; half++) {
    float x = static_cast<float>(half) * 0.5f;
    for (int k = 0; k < 50; k++) x = std::nextafter(x, -INFINITY);
    for (int k = 0; k < 100; k++, x = std::nextafter(x, INFINITY))
      if (x >= -126 && x <= 127) measure2(x);
  }
  return worst;
}

bool edges_exp2() {
  const float inf = std::numeric_limits<float>::infinity();
  bool ok = exp2_of(0) == 1 && exp2_of(-0.0f) == 1 && exp2_of(-3) == 0.125f && exp2_of(-inf) == 0;
  ok = ok && exp2_of(-1000) == 0 && exp2_of(-127) < 0x1p-126f && std::isnan(exp2_of(NAN)) && exp2_of(200) >= 0x1p127f;
  if (!ok) std::printf("exp2 at an edge is wrong\n");
  return ok;
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
  const Worst worst2 = sweep_exp2();
  std::printf("%d lanes: largest error of exp2 %.4f ulp at %.9g, claimed %.2f\n", kLanes, worst2.ulp,
              static_cast<double>(worst2.at), kClaimUlp2);
  return worst.ulp <= kClaimUlp && worst2.ulp <= kClaimUlp2 && edges() && edges_exp2() && lanes() ? 0 : 1;
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
