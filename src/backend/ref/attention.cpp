#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/ref/plain.h"
#include "core/threads.h"

namespace sumi::ref {
namespace {

/// The rows of one head of keys or values, next to each other.
std::vector<float> head_rows(const Tensor& x, std::int64_t n, std::int64_t head, std::int64_t rows, std::int64_t stride,
                             std::int64_t head_dim) {
  std::vector<float> values(static_cast<std::size_t>(rows * head_dim));
  for (std::int64_t row = 0; row < rows; ++row) {
    load(x, (n * rows + row) * stride + head * head_dim,
         {values.data() + row * head_dim, static_cast<std::size_t>(head_dim)});
  }
  return values;
}

/// [row][element] as [element][row].
std::vector<float> transposed(const std::vector<float>& rows, std::size_t elements) {
  std::vector<float> values(rows.size());
  const std::size_t count = rows.size() / elements;
  for (std::size_t i = 0; i < rows.size(); ++i) values[i % elements * count + i / elements] = rows[i];
  return values;
}

/// A block of queries of one head: softmax of their scores, then the sum of values.
class QueryBlock {
 public:
  QueryBlock(const AttentionOp::Case& c, const AttentionOp::Args& args)
      : c_(c),
        args_(args),
        row_(static_cast<std::size_t>(c.head_dim)),
        columns_(static_cast<std::size_t>(c.head_dim * block)),
        weights_(static_cast<std::size_t>(c.keys * block)),
        sums_(static_cast<std::size_t>(c.head_dim * block)),
        y_(static_cast<std::size_t>(c.head_dim)) {}

  /// k is [key][element], v [element][key].
  void compute(std::int64_t n, std::int64_t head, std::int64_t first, std::int64_t count, const std::vector<float>& k,
               const std::vector<float>& v) {
    for (std::int64_t p = 0; p < count; ++p) {
      load(args_.q, (n * c_.queries + first + p) * c_.q_stride + head * c_.head_dim, row_);
      for (std::size_t d = 0; d < row_.size(); ++d) columns_[d * block + static_cast<std::size_t>(p)] = row_[d];
    }
    for (std::int64_t j = 0; j < c_.keys; ++j) {
      multiply(k.data() + j * c_.head_dim, columns_.data(), c_.head_dim, weights_.data() + j * block);
    }
    for (std::int64_t p = 0; p < count; ++p) {
      soften(p, c_.causal ? first + p + 1 : c_.keys);
    }
    for (std::int64_t d = 0; d < c_.head_dim; ++d) {
      multiply(v.data() + d * c_.keys, weights_.data(), c_.keys, sums_.data() + d * block);
    }
    for (std::int64_t p = 0; p < count; ++p) {
      for (std::size_t d = 0; d < y_.size(); ++d) y_[d] = sums_[d * block + static_cast<std::size_t>(p)];
      store(y_, args_.y, ((n * c_.queries + first + p) * c_.heads + head) * c_.head_dim);
    }
  }

 private:
  /// Turns the scores of query p into weights whose sum is 1; of keys that it does not see, into 0.
  void soften(std::int64_t p, std::int64_t seen) {
    const auto weight = [&](std::int64_t j) -> double& { return weights_[static_cast<std::size_t>(j * block + p)]; };
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t j = 0; j < seen; ++j) {
      weight(j) *= static_cast<double>(args_.scale);
      most = std::max(most, weight(j));
    }
    for (std::int64_t j = 0; j < seen; ++j) {
      weight(j) = std::exp(weight(j) - most);
      sum += weight(j);
    }
    for (std::int64_t j = 0; j < c_.keys; ++j) weight(j) = j < seen ? weight(j) / sum : 0;
  }

  const AttentionOp::Case& c_;
  const AttentionOp::Args& args_;
  std::vector<float> row_;
  std::vector<double> columns_, weights_, sums_, y_;
};

}  // namespace

void run(const AttentionOp::Case& c, const AttentionOp::Args& args) {
  for (std::int64_t n = 0; n < c.batch; ++n) {
    for (std::int64_t head = 0; head < c.heads; ++head) {
      const auto k = head_rows(args.k, n, head, c.keys, c.k_stride, c.head_dim);
      const auto v =
          transposed(head_rows(args.v, n, head, c.keys, c.v_stride, c.head_dim), static_cast<std::size_t>(c.head_dim));
      parallel_for(c.queries, block, [&](std::int64_t begin, std::int64_t end) {
        QueryBlock queries(c, args);
        for (std::int64_t first = begin; first < end; first += block) {
          queries.compute(n, head, first, std::min(block, end - first), k, v);
        }
      });
    }
  }
}

}  // namespace sumi::ref
