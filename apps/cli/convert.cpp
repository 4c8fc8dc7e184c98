#include <string>

#include "arguments.h"
#include "pull.h"
#include "sumi/tools.h"
#include "verbs.h"

namespace sumi::cli {
void convert(std::span<char*> arguments) {
  std::string from, to;
  ConvertOptions options;
  CLI::App app(
      "Turns a model folder (diffusers layout) into one safetensors file with the names that other programs read, a\n"
      "safetensors or PyTorch file into such a folder, or a PyTorch file into safetensors. Whole models, and UNets,\n"
      "autoencoders and ControlNets by themselves. Without --dtype nothing is lost.",
      "sumi convert");
  app.add_option("IN", from, "a folder, a file, or ORG/NAME[@REV] of a hub")->required();
  app.add_option("OUT", to, "a folder to make, or a file that ends in .safetensors")->required();
  app.add_option("--dtype", options.dtype, "stores weights as f32, f16 or bf16")->type_name("TYPE");
  app.add_option("--config", options.config, "a folder in diffusers layout whose configurations and tokenizers win")
      ->type_name("DIR");
  app.add_option("--prediction", options.prediction, "what a file's model predicts: epsilon or v")->type_name("KIND");
  app.footer(R"(Examples:
  sumi convert my-sd15/ my-sd15.safetensors                  a folder in diffusers layout to one file
  sumi convert downloaded.ckpt my-model/ --dtype f16         a file to a folder
  sumi convert old.ckpt old.safetensors                      the same tensors without a pickle
  sumi convert sd2-base.safetensors sd2/ --prediction epsilon
)");
  if (!parse(app, arguments)) return;
  fetch_if_needed({from});
  sumi::convert(from, to, options);
}

}  // namespace sumi::cli
