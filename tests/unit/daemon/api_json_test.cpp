// Bodies of the local API.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"

namespace beffroi::daemon {
namespace {

TEST(BodyFieldsTest, ReadsWhatIsThereAndDefaultsTheRest) {
  BodyFields fields(R"({"name":"x","on":true,"n":5,"list":["a","b"],"gone":null})");
  EXPECT_EQ(fields.text("name"), "x");
  EXPECT_TRUE(fields.flag("on"));
  EXPECT_EQ(fields.number("n"), 5U);
  EXPECT_EQ(fields.texts("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fields.text("gone", "default"), "default");
  EXPECT_EQ(fields.text("absent", "default"), "default");
  EXPECT_TRUE(fields.finish().has_value());
  EXPECT_TRUE(BodyFields("").finish().has_value()) << "no body is an empty object";
}

// Goal: a field of the wrong type, or one that nobody knows, is a mistake of the caller and never ignored.
TEST(BodyFieldsTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {R"({"name":5})", R"({"on":"yes"})", R"({"n":-1})", R"({"n":1.5})", R"({"list":"a"})",
                           R"({"list":[1]})", R"({"other":1})", R"([])", R"("x")", "{", R"({"a":1}x)"}) {
    BodyFields fields(text);
    fields.text("name");
    fields.flag("on");
    fields.number("n");
    fields.texts("list");
    const auto finished = fields.finish();
    ASSERT_FALSE(finished.has_value()) << text;
    EXPECT_EQ(finished.error().code, ErrorCode::usage) << text;
  }
}

// Goal: a name that is not UTF-8 goes out readable and comes back exact.
TEST(BodyFieldsTest, NamesAreBytes) {
  const std::string name = "/caf\xE9/\xF0\x9F\x92\xBE";
  Json object;
  set_path(object, name);
  ASSERT_TRUE(object.contains("path_b64"));
  BodyFields fields(json_line(object));
  EXPECT_EQ(fields.bytes("path"), name);
  EXPECT_TRUE(fields.finish().has_value());
  Json plain;
  set_path(plain, "/café");
  EXPECT_FALSE(plain.contains("path_b64"));
  BodyFields selections(R"({"s":[{"path":"/a"},{"path":"/b?","path_b64":"L2LpIQ=="}]})");
  EXPECT_EQ(selections.paths("s"), (std::vector<std::string>{"/a", "/b\xE9!"}));
  BodyFields broken(R"({"path_b64":"???"})");
  broken.bytes("path");
  EXPECT_FALSE(broken.finish().has_value());
}

// Goal: no depth of nesting is a danger: what is deeper than any body of ours is refused before anything descends.
TEST(BodyFieldsTest, RefusesDeepNesting) {
  const auto nested = [](std::size_t depth) {
    return R"({"s":[{"path":"/a","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}]}";
  };
  for (const std::size_t depth : {20U, 1'000'000U}) {
    BodyFields fields(nested(depth));
    fields.paths("s");
    ASSERT_FALSE(fields.finish().has_value()) << depth;
    EXPECT_EQ(fields.finish().error().code, ErrorCode::usage) << depth;
  }
  BodyFields not_objects(R"({"s":["/a",[[1]]]})");
  not_objects.paths("s");
  EXPECT_FALSE(not_objects.finish().has_value());
}

TEST(ApiJsonTest, Times) {
  EXPECT_EQ(time_text({1'800'000'000}), "2027-01-15T08:00:00Z");
  EXPECT_EQ(time_text(-1, 5), "1969-12-31T23:59:59.000000005Z");
}

TEST(ApiJsonTest, ErrorsCarryTheirMsgidForTheClientsLanguage) {
  const Json json = error_json({ErrorCode::not_found, "There is no {}.", {"x"}});
  EXPECT_EQ(json["code"], "not_found");
  EXPECT_EQ(json["text"], "There is no {}.");
  EXPECT_EQ(json["args"], Json::array({"x"}));
  EXPECT_EQ(json["message"], "There is no x.");
}

}  // namespace
}  // namespace beffroi::daemon
