/* Functions of one lane, without branches, so that the compiler makes vectors of them.

   float: ranges are reduced to a short interval and a polynomial or rational function is
   taken there (coefficients after Moshier's Cephes and Eigen, errors of a few units in
   the last place); double: the C library's own. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES _Pragma("omp simd") for (int l = 0; l < L; l++)
#define EXPORT __attribute__((visibility("default")))
#define IN static inline __attribute__((always_inline))

IN R x_max(R a, R b) { R m = a > b ? a : b; return a != a ? a : m; }
IN R x_min(R a, R b) { R m = a < b ? a : b; return a != a ? a : m; }
IN I x_max_i(I a, I b) { return a > b ? a : b; }
IN I x_min_i(I a, I b) { return a < b ? a : b; }
IN I x_abs_i(I a) { return a < 0 ? -a : a; }
IN I x_sign_i(I a) { return (a > 0) - (a < 0); }
IN I x_square_i(I a) { return a * a; }
IN R x_sign(R a) { return a > 0 ? (R)1 : a < 0 ? (R)-1 : a; }
IN R x_square(R a) { return a * a; }

#if SINGLE
IN float bits_real(int32_t i) { float x; memcpy(&x, &i, 4); return x; }
IN int32_t bits_whole(float x) { int32_t i; memcpy(&i, &x, 4); return i; }

IN float x_abs(float x) { return __builtin_fabsf(x); }
IN float x_sqrt(float x) { return __builtin_sqrtf(x); }
IN float x_floor(float x) { return __builtin_floorf(x); }
IN float x_round(float x) { return __builtin_rintf(x); }
IN float x_ceil(float x) { return __builtin_ceilf(x); }

/* x = n ln 2 + r: r, and 2^n in two factors, so that its ends are right. */
IN float reduced(float x, float *whole) {
  float n = (x * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  *whole = n;
  return (x - n * 0.693359375f) - n * -2.12194440e-4f;
}
IN float exp_tail(float r) { /* (e^r - 1 - r) / r² */
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  return p * r + 5.0000001201e-1f;
}
IN float scaled(float x, float n) {
  int32_t k = (int32_t)n, half = k >> 1;
  return x * bits_real((half + 127) << 23) * bits_real((k - half + 127) << 23);
}
IN float x_exp(float x) {
  float y = x > 89.0f ? 89.0f : x, n;
  y = y < -104.0f ? -104.0f : y;
  float r = reduced(y, &n);
  float value = scaled((r + r * r * exp_tail(r)) + 1.0f, n);
  return x != x ? x : value;
}
IN float x_expm1(float x) {
  float y = x > 88.0f ? 88.0f : x, n;
  y = y < -104.0f ? -104.0f : y;
  float r = reduced(y, &n);
  float power = scaled(1.0f, n);
  float value = power * (r + r * r * exp_tail(r)) + (power - 1.0f);
  value = x > 88.0f ? x_exp(x) : value;
  return x != x ? x : value;
}
IN float x_log(float x) {
  /* Subnormal numbers are taken up into the normal range first. */
  _Bool tiny = x < 1.17549435e-38f;
  float y = tiny ? x * 8388608.0f : x;
  int32_t i = bits_whole(y);
  int32_t k = (i - 0x3f3504f3) >> 23; /* the mantissa comes to lie around 1 */
  float m = bits_real(i - (k << 23)) - 1.0f;
  float e = (float)k - (tiny ? 23.0f : 0.0f), z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float v = p * m * z + e * -2.12194440e-4f - 0.5f * z;
  v = m + v + e * 0.693359375f;
  v = x > 3.402823466e38f ? x : v;
  v = x == 0.0f ? -INFINITY : v;
  return x >= 0.0f ? v : NAN;
}
IN float x_log1p(float x) {
  float u = 1.0f + x, d = u - 1.0f;
  float v = x_log(u) * (x / (d == 0.0f ? 1.0f : d));
  v = u > 3.402823466e38f ? u : v;
  return d == 0.0f ? x : v;
}
IN float x_exp2(float x) { return x_exp(x * 0.693147180559945309f); }
IN float x_pow(float x, float y) {
  float v = x_exp(y * x_log(x_abs(x)));
  float half = 0.5f * y, whole = x_floor(y);
  float odd = x_floor(half) == half ? v : -v;
  float below = whole == y ? odd : NAN; /* of a negative base */
  v = x < 0.0f ? below : v;
  v = x == 1.0f ? 1.0f : v;
  return y == 0.0f ? 1.0f : v;
}
IN float x_tanh(float x) {
  float e = x_expm1(2.0f * x_abs(x));
  float v = e > 1e30f ? 1.0f : e / (e + 2.0f);
  return x < 0.0f ? -v : v;
}
IN float x_logistic(float x) { return 1.0f / (1.0f + x_exp(-x)); }
IN float x_erf(float x) {
  float y = x > 4.0f ? 4.0f : x;
  y = y < -4.0f ? -4.0f : y;
  float z = y * y;
  float p = -2.72614225801306e-10f;
  p = p * z + 2.77068142495902e-08f;
  p = p * z - 2.10102402082508e-06f;
  p = p * z - 5.69250639462346e-05f;
  p = p * z - 7.34990630326855e-04f;
  p = p * z - 2.95459980854025e-03f;
  p = p * z - 1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * z - 2.13374055278905e-04f;
  q = q * z - 1.68282697438203e-03f;
  q = q * z - 7.37332916720468e-03f;
  q = q * z - 1.42647390514189e-02f;
  return y * p / q;
}
/* Press et al., Numerical Recipes, 6.2: a Chebyshev fit, relative error 1.2e-7. */
IN float x_erfc(float x) {
  float z = x_abs(x), t = 1.0f / (1.0f + 0.5f * z);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  float v = t * x_exp(p - z * z);
  return x < 0.0f ? 2.0f - v : v;
}
#else
IN double x_abs(double x) { return __builtin_fabs(x); }
IN double x_sqrt(double x) { return __builtin_sqrt(x); }
IN double x_floor(double x) { return floor(x); }
IN double x_round(double x) { return rint(x); }
IN double x_ceil(double x) { return ceil(x); }
IN double x_exp(double x) { return exp(x); }
IN double x_exp2(double x) { return exp2(x); }
IN double x_expm1(double x) { return expm1(x); }
IN double x_log(double x) { return log(x); }
IN double x_log1p(double x) { return log1p(x); }
IN double x_pow(double x, double y) { return pow(x, y); }
IN double x_tanh(double x) { return tanh(x); }
IN double x_logistic(double x) { return 1.0 / (1.0 + exp(-x)); }
IN double x_erf(double x) { return erf(x); }
IN double x_erfc(double x) { return erfc(x); }
#endif
