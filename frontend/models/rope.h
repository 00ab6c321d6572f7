// The rotations of LLaMA's positions, in all the forms that stretch them over longer texts.

#ifndef CLEAVE_FRONTEND_MODELS_ROPE_H
#define CLEAVE_FRONTEND_MODELS_ROPE_H

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/builder.h"
#include "frontend/config.h"

namespace cleave {

class Rope {
 public:
  // Reads `rope_scaling`, else `rope_parameters`, and the fields beside them. Heads have `headSize` features (even),
  // the model was made for `positions` tokens.
  Rope(ConfigReader &reader, int64_t headSize, int64_t positions);

  // For sequences of that many tokens: some forms depend on it.
  RotarySpec at(int64_t sequence) const;

 private:
  void readForm(ConfigReader &reader);
  double mscale(double factor, double strength) const;

  void stretchByPart(std::vector<double> &frequencies) const;  // llama3
  void ramp(std::vector<double> &frequencies) const;           // yarn

  int64_t headSize_, positions_;
  std::string type_ = "default";
  double theta_ = 10000, factor_ = 1, attentionFactor_ = 1;
  double original_;                                 // tokens that the unstretched model was made for
  double lowFactor_ = 1, highFactor_ = 4;           // llama3
  double betaFast_ = 32, betaSlow_ = 1;             // yarn
  bool isTruncated_ = true;                         // yarn
  std::vector<double> shortFactors_, longFactors_;  // longrope
};

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_MODELS_ROPE_H
