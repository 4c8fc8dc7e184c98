#include "adapters/matrix.h"

namespace sumi {

Matrix::Matrix(const Source& source)
    : rows(source.shape()[0]), columns(columns_of(source.shape())), values(read_all(source)) {}

Matrix Matrix::transposed() const {
  Matrix turned(columns, rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) turned.row(j)[i] = row(i)[j];
  }
  return turned;
}

}  // namespace sumi
