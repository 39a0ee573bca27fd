// kv_write, the reference: see kv_write/plain.h.
#include "backends/cpu/kernels.h"
#include "ops/kv_write/plain.h"

namespace spar {
namespace SPAR_ISA_NS {

void kv_write(const Exec& exec, const KvWrite& a) { plain::kv_write(exec, a); }

}  // namespace SPAR_ISA_NS
}  // namespace spar
