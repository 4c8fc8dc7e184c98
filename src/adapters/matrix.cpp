#include "adapters/matrix.h"

#include <oneapi/dnnl/dnnl.h>

#include "core/check.h"

namespace sumi {

Matrix::Matrix(const Source& source)
    : rows(source.shape()[0]), columns(source.shape().elements() / source.shape()[0]), values(read_all(source)) {}

Matrix Matrix::transposed() const {
  Matrix turned(columns, rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) turned.row(j)[i] = row(i)[j];
  }
  return turned;
}

void add_product(std::int64_t m, std::int64_t n, std::int64_t k, float scale, const float* a, std::int64_t lda,
                 const float* b, std::int64_t ldb, float* c, std::int64_t ldc) {
  const dnnl_status_t status = dnnl_sgemm('N', 'N', m, n, k, scale, a, lda, b, ldb, 1, c, ldc);
  check(status != dnnl_out_of_memory, ErrorCode::out_of_memory, "adapter: no memory for a product of {}x{}x{}", m, n,
        k);
  check(status == dnnl_success, ErrorCode::internal, "adapter: oneDNN refuses a product of {}x{}x{}", m, n, k);
}

}  // namespace sumi
