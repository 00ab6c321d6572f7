"""Protobuf messages as C++, by the system's protoc."""

def cc_proto(name, proto, deps = []):
    """A cc_library with the C++ classes of one .proto file of the same folder.

    Args:
      name: the library.
      proto: the file; it is compiled with the repository's root as its import path.
      deps: libraries of the .proto files that it imports.
    """
    stem = proto[:-len(".proto")]
    native.genrule(
        name = name + "_generated",
        srcs = [proto],
        outs = [stem + ".pb.h", stem + ".pb.cc"],
        cmd = "/usr/bin/protoc -I . --cpp_out=$(GENDIR) $(SRCS)",
    )
    native.cc_library(
        name = name,
        srcs = [stem + ".pb.cc"],
        hdrs = [stem + ".pb.h"],
        deps = deps + ["//tools/third_party:protobuf"],
    )
