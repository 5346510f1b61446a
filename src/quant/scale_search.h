// What the packers search with: given weights and how much each matters, which scales (and minima) leave the least weighted squared
// error when every weight takes its nearest level. Sixteen candidates are judged at a time, side by side, so that there are no sums
// across lanes. plain_searches() is portable; the tables of src/kernels have faster ones with the same results, bit for bit, and
// every packer takes a table of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thimble {

inline constexpr int kCandidates = 16;

// ---- a sub-block, x[n] and weight[n] with n a multiple of 16 and at most 256 --------------------------------------------------
// x is at most 2^30 in magnitude and best near 1, so that squares neither overflow nor vanish; weight is 0 or more.

// x ~ scale * level - minimum, with whole levels 0..high, scale > 0 and minimum >= 0. A scale of 0 stands for level 0 everywhere.
struct AffineCandidates {
  alignas(64) float scale[kCandidates];
  alignas(64) float minimum[kCandidates];
  alignas(64) float error[kCandidates];  // out: sum of weight * (x - what it became)^2
};

// x ~ scale * level; a scale of any sign, 0 for nothing but zeros.
struct ScaleCandidates {
  alignas(64) float scale[kCandidates];
  alignas(64) float error[kCandidates];  // out
};

// The levels of a format without a minimum: whole numbers low..high, or the sixteen of IQ4_NL.
struct LevelSet {
  float low;
  float high;
  bool is_iq4 = false;
};

struct AffineFit {
  float scale = 0;
  float minimum = 0;
  float error = 0;
};

struct ScaleFit {
  float scale = 0;
  float error = 0;
};

// ---- a block as given, of any finite size, and the importance of an error at each weight: 0 or more, or null for all alike -----
// An error at a larger weight counts more: importance times (4 root mean squares of the block + |x|).

// 256 weights as d * scale * level - dmin * minimum with a scale and a minimum for each of 8 or 16 sub-blocks.
struct AffineFormat {
  int sub_blocks;  // 8 or 16
  float high;      // levels are 0..high
  int high_code;   // scales and minima are 0..high_code
  int rounds;      // of search_affine
  int beginnings;  // how many values of d are tried first
  int passes;      // of codes for d, and d for codes
};
struct AffineBlock {
  uint16_t d;     // binary16
  uint16_t dmin;  // binary16
  uint8_t scales[16];
  uint8_t minima[16];
  uint8_t levels[256];
};

// 256 weights as d * scale * level with a scale for each sub-block.
struct SymmetricFormat {
  int sub_blocks;  // 8 or 16
  LevelSet levels;
  int low_code;    // scales are low_code..-low_code - 1
  int rounds;      // of search_scale
  int beginnings;  // as above
  int passes;
};
struct SymmetricBlock {
  uint16_t d;  // binary16
  int8_t scales[16];
  int8_t levels[256];  // of IQ4_NL: the value, not its index
};

// 32 weights as d * level, or as d * level + m.
struct SingleBlock {
  uint16_t d;  // binary16
  uint16_t m;  // binary16; 0 where there is none
  int8_t levels[32];
};

// 256 weights of a codebook format: entries of four or eight weights, their signs (a bit a weight, set: minus), and 4-bit scale codes
// of its sub-blocks. In IQ3_XXS an even number of each eight signs is minus.
struct GridBlock {
  uint16_t d;  // binary16
  uint8_t scales[16];
  uint16_t entries[64];
  uint8_t signs[32];
};

struct ScaleSearches {
  // The error of each candidate as it is.
  void (*affine_errors)(const float* x, const float* weight, size_t n, float high, AffineCandidates& candidates);
  void (*scale_errors)(const float* x, const float* weight, size_t n, const LevelSet& levels,
                       ScaleCandidates& candidates);
  // Levels by each candidate, then the scale and the minimum that suit these levels best, and the error that they leave with
  // these levels (with levels chosen anew it is no larger). Where there is nothing better a candidate is left as it was.
  void (*refit_affine)(const float* x, const float* weight, size_t n, float high, AffineCandidates& candidates);
  void (*refit_scale)(const float* x, const float* weight, size_t n, const LevelSet& levels,
                      ScaleCandidates& candidates);
  // The best of candidates all over the range of x, refitted `rounds` times, each closer around the best.
  AffineFit (*search_affine)(const float* x, const float* weight, size_t n, float high, int rounds);
  ScaleFit (*search_scale)(const float* x, const float* weight, size_t n, const LevelSet& levels, int rounds);

  void (*fit_affine)(const float* x, const float* importance, const AffineFormat& format, AffineBlock& out);
  void (*fit_symmetric)(const float* x, const float* importance, const SymmetricFormat& format, SymmetricBlock& out);
  void (*fit_single)(const float* x, const float* importance, const LevelSet& levels, SingleBlock& out);
  void (*fit_single_affine)(const float* x, const float* importance, float high, SingleBlock& out);
  void (*fit_iq3_s)(const float* x, const float* importance, GridBlock& out);
  void (*fit_iq3_xxs)(const float* x, const float* importance, GridBlock& out);
  void (*fit_iq2_s)(const float* x, const float* importance, GridBlock& out);
};

const ScaleSearches& plain_searches();

}  // namespace thimble
