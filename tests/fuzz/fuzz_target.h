// What libFuzzer and replay.cpp call. A target checks its properties with BEFFROI_ASSERT: above all that encoding what
// was decoded gives the same bytes. It keeps no state from one input to the next.
#pragma once

#include "crypto/assert.h"
#include "crypto/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
