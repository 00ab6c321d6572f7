// Models of the Hugging Face families, built from their configs. To add one: a file that defines its `read...`
// function, and a row in the table of models.cc.

#ifndef CLEAVE_FRONTEND_MODELS_MODELS_H
#define CLEAVE_FRONTEND_MODELS_MODELS_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontend/builder.h"
#include "frontend/config.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir {
class MLIRContext;
class ModuleOp;
}  // namespace mlir

namespace cleave {

// Sizes are global: those of the whole batch on all devices together.
struct ModelOptions {
  int64_t batch = 0, seq = 0;
  int64_t targetSeq = 0;               // of encoder-decoder models: labels of an example
  std::optional<double> dropout;       // replaces all rates of the config
  std::optional<int64_t> documentEnd;  // the token behind which attention and positions start anew
};

// What one entry is built for.
struct EntryOptions {
  // A rate of the config in this entry.
  double rate(double configured) const { return isTraining ? dropout.value_or(configured) : 0; }

  int64_t batch = 1, seq = 1, targetSeq = 1;
  bool isTraining = false;  // else no dropout, no masks
  bool hasDocuments = false;
  std::optional<double> dropout;
};

// A family's model with its config's numbers.
class Model {
 public:
  virtual ~Model() = default;

  // What files look like, but for what follows from ModelOptions.
  virtual FamilyDescription describe() const = 0;
  // Sequences longer than this have no positions; nullopt: no limit.
  virtual std::optional<int64_t> positions() const = 0;
  virtual bool isEncoderDecoder() const { return false; }
  // Scores [batch, sequence, vocabulary] for each label, from inputs that it asks the builder for.
  virtual mlir::Value logits(ModelBuilder &model, const EntryOptions &entry) const = 0;
};

// Each reads its family's fields; the reader keeps errors. Null where there are some.
std::unique_ptr<Model> readGpt2(ConfigReader &reader);
std::unique_ptr<Model> readGptj(ConfigReader &reader);
std::unique_ptr<Model> readLlama(ConfigReader &reader);
std::unique_ptr<Model> readMistral(ConfigReader &reader);
std::unique_ptr<Model> readQwen3(ConfigReader &reader);
std::unique_ptr<Model> readT5(ConfigReader &reader);
std::unique_ptr<Model> readOpt(ConfigReader &reader);
std::unique_ptr<Model> readBert(ConfigReader &reader);

// The values of "model_type" that have a family.
std::vector<std::string> modelTypes();

// Checks every field. Errors name field and value; fields that the family doesn't know are warnings.
absl::StatusOr<std::unique_ptr<Model>> readModel(const Config &config, std::vector<std::string> *warnings = nullptr);

// The fields of a checked config that its family knows, with defaults where they are absent. Errors as `readModel`.
absl::StatusOr<nlohmann::json> resolveConfig(const Config &config, std::vector<std::string> *warnings = nullptr);

// What data and weight files of the model look like, for a model whose ops somebody else builds. Checks options as
// `buildModel` does.
absl::StatusOr<FamilyDescription> describeModel(const Config &config, const ModelOptions &options,
                                                std::vector<std::string> *warnings = nullptr);

// The module that the compiler takes: functions "loss" (results "loss_sum" and "tokens") and "logits" (batch 1), with
// arguments in the order parameters, data inputs, "rng" where something is dropped, and the attribute "cleave.family".
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildModel(const Config &config, const ModelOptions &options,
                                                             mlir::MLIRContext &context);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_MODELS_MODELS_H
