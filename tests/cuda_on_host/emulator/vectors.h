#pragma once

// CUDA's small vectors, aligned as there: 2 and 4 elements as a whole, at most 16 bytes; 3 elements as one.

#define CUDA_ON_HOST_VECTORS(name, element)                                                       \
  struct name##1 { element x; };                                                                  \
  struct alignas(2 * sizeof(element)) name##2 { element x, y; };                                  \
  struct name##3 { element x, y, z; };                                                            \
  struct alignas(sizeof(element) < 4 ? 4 * sizeof(element) : 16) name##4 { element x, y, z, w; }; \
  constexpr name##1 make_##name##1(element x) { return {x}; }                                     \
  constexpr name##2 make_##name##2(element x, element y) { return {x, y}; }                       \
  constexpr name##3 make_##name##3(element x, element y, element z) { return {x, y, z}; }         \
  constexpr name##4 make_##name##4(element x, element y, element z, element w) { return {x, y, z, w}; }

CUDA_ON_HOST_VECTORS(char, signed char)
CUDA_ON_HOST_VECTORS(uchar, unsigned char)
CUDA_ON_HOST_VECTORS(short, short)
CUDA_ON_HOST_VECTORS(ushort, unsigned short)
CUDA_ON_HOST_VECTORS(int, int)
CUDA_ON_HOST_VECTORS(uint, unsigned)
CUDA_ON_HOST_VECTORS(longlong, long long)
CUDA_ON_HOST_VECTORS(ulonglong, unsigned long long)
CUDA_ON_HOST_VECTORS(float, float)
CUDA_ON_HOST_VECTORS(double, double)
#undef CUDA_ON_HOST_VECTORS

struct dim3 {
  unsigned x = 1, y = 1, z = 1;

  constexpr dim3(unsigned columns = 1, unsigned rows = 1, unsigned layers = 1) : x(columns), y(rows), z(layers) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
