// Elementary functions over the 16-lane vectors of an instruction set: one sequence of operations for all of them, so
// results are equal bit for bit. Within about 2 units in the last place; NaN in, NaN out.
#pragma once

namespace thimble {

template <class Isa>
struct VecMath {
  using Float = typename Isa::Float;

  // exp(x) = 2^n * exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2 and a minimax polynomial for exp(r).
  static Float exp(Float x) {
    x = Isa::max(Isa::set1(-105.0f), x);  // exp is 0 below, infinite above
    x = Isa::min(Isa::set1(89.0f), x);
    const Float round = Isa::set1(0x1.8p23f);
    const Float n = Isa::sub(Isa::fma(x, Isa::set1(0x1.715476p0f), round), round);
    Float r = Isa::fma(n, Isa::set1(-0x1.63p-1f), x);  // ln 2 in two parts; the first leaves n * part exact
    r = Isa::fma(n, Isa::set1(0x1.bd0106p-13f), r);
    Float p = Isa::fma(r, Isa::set1(0x1.6a23ccp-10f), Isa::set1(0x1.123a20p-7f));
    p = Isa::fma(p, r, Isa::set1(0x1.5558f2p-5f));
    p = Isa::fma(p, r, Isa::set1(0x1.555492p-3f));
    p = Isa::fma(p, r, Isa::set1(0x1.fffffcp-2f));
    p = Isa::fma(p, r, Isa::set1(1.0f));
    p = Isa::fma(p, r, Isa::set1(1.0f));
    return Isa::scale2(p, n);
  }

  // 1 / (1 + exp(-x))
  static Float sigmoid(Float x) {
    const Float one = Isa::set1(1.0f);
    return Isa::div(one, Isa::add(one, exp(Isa::sub(Isa::zero(), x))));
  }

  // An odd polynomial near zero, where 1 - 2 / (exp(2|x|) + 1) would cancel.
  static Float tanh(Float x) {
    const Float one = Isa::set1(1.0f), two = Isa::set1(2.0f);
    const Float size = absolute(x);
    const Float z = Isa::mul(x, x);
    Float p = Isa::fma(z, Isa::set1(0x1.197b54p-9f), Isa::set1(-0x1.0c213ap-7f));
    p = Isa::fma(p, z, Isa::set1(0x1.6394d6p-6f));
    p = Isa::fma(p, z, Isa::set1(-0x1.b9ef7cp-5f));
    p = Isa::fma(p, z, Isa::set1(0x1.11106cp-3f));
    p = Isa::fma(p, z, Isa::set1(-0x1.555554p-2f));
    const Float near = Isa::fma(Isa::mul(p, z), x, x);
    const Float far = Isa::sub(one, Isa::div(two, Isa::add(exp(Isa::mul(size, two)), one)));
    return Isa::select(Isa::less(size, Isa::set1(0.625f)), near, with_sign_of(x, far));
  }

  // Of the standard normal distribution. The tail beyond |x| is 0.5 * t * p(t) * exp(-x^2 / 2) with t = 1 / (1 + c |x|)
  // (Abramowitz and Stegun 7.1.26 for the error function, within 1.5e-7); it is what is small, so it is what is computed.
  static Float normal_cdf(Float x) {
    const Float one = Isa::set1(1.0f);
    const Float size = absolute(x);
    const Float t = Isa::div(one, Isa::fma(size, Isa::set1(0.23164189f), one));  // 0.3275911 / sqrt(2)
    Float p = Isa::fma(t, Isa::set1(0.5307027145f), Isa::set1(-0.7265760135f));
    p = Isa::fma(p, t, Isa::set1(0.7107068705f));
    p = Isa::fma(p, t, Isa::set1(-0.142248368f));
    p = Isa::fma(p, t, Isa::set1(0.127414796f));
    const Float square = Isa::mul(Isa::mul(x, x), Isa::set1(-0.5f));
    const Float tail = Isa::mul(Isa::mul(p, t), exp(square));
    return Isa::select(Isa::less(x, Isa::zero()), tail, Isa::sub(one, tail));
  }

  static Float absolute(Float x) {
    return Isa::float_of_bits(Isa::bit_and(Isa::bits_of(x), Isa::set1_int(0x7fffffff)));
  }

 private:
  static Float with_sign_of(Float x, Float size) {
    const auto sign = Isa::bit_and(Isa::bits_of(x), Isa::set1_int(static_cast<int>(0x80000000u)));
    return Isa::float_of_bits(Isa::bit_or(Isa::bits_of(size), sign));
  }
};

}  // namespace thimble
