#include "runtime/plan/plan_hash.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <openssl/sha.h>

namespace cleave {
namespace {

std::string serialize(const plan::Plan &plan) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  plan.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace

std::string computePlanHash(const plan::Plan &plan) {
  plan::Plan kept = plan;
  kept.clear_hash();
  kept.clear_provenance();
  kept.clear_explanation();  // the only part that holds reasons
  for (plan::Entry &entry : *kept.mutable_entries())
    for (plan::Program &program : *entry.mutable_programs())
      for (plan::Task &task : *program.mutable_tasks()) task.clear_location();
  const std::string bytes = serialize(kept);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char *>(hash.data()));
  return hash;
}

std::string serializePlan(plan::Plan plan) {
  plan.set_hash(computePlanHash(plan));
  return serialize(plan);
}

}  // namespace cleave
