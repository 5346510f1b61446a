#include "app/serve/http_head.h"

#include <gtest/gtest.h>

namespace thimble {
namespace {

int status_of(const std::string& text) {
  try {
    parse_http_head(text);
    return 0;
  } catch (const HttpFault& fault) {
    return fault.status();
  }
}

TEST(HttpHead, WhatARequestSays) {
  const HttpHead head = parse_http_head(
      "POST /v1/models?a=b HTTP/1.1\r\nHost: localhost\r\nCONTENT-length:  12 \r\nX-Empty:\r\nExpect: 100-Continue");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/models?a=b");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keeps_alive);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_EQ(*head.find("x-empty"), "");
  EXPECT_EQ(head.find("absent"), nullptr);
}

TEST(HttpHead, ConnectionsThatGoOn) {
  EXPECT_FALSE(parse_http_head("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close").keeps_alive);
  EXPECT_FALSE(parse_http_head("GET / HTTP/1.0").keeps_alive);
  EXPECT_TRUE(parse_http_head("GET / HTTP/1.0\r\nConnection: Keep-Alive").keeps_alive);
}

TEST(HttpHead, WhatCouldBeReadInTwoWaysIsRefused) {
  const std::string begin = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(status_of(begin + "Content-Length: 1"), 0);
  EXPECT_EQ(status_of(begin + "Content-Length: 1\r\nContent-Length: 1"), 400);
  EXPECT_EQ(status_of(begin + "Content-Length: 1\r\nTransfer-Encoding: chunked"), 400);
  EXPECT_EQ(status_of(begin + "Transfer-Encoding: chunked"), 411);
  EXPECT_EQ(status_of(begin + "Content-Length : 1"), 400);
  EXPECT_EQ(status_of(begin + "Content-Length: +1"), 400);
  EXPECT_EQ(status_of(begin + "Content-Length: 1\r\n x"), 400);
  EXPECT_EQ(status_of(begin + "Content-Length: 1\nX: y"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1"), 400);
}

TEST(HttpHead, LimitsAreNamed) {
  EXPECT_EQ(status_of("GET /" + std::string(HttpHead::kMostLineBytes, 'a') + " HTTP/1.1\r\nHost: a"), 414);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(HttpHead::kMostLineBytes, 'a')), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a";
  for (size_t i = 1; i < HttpHead::kMostFields; ++i) many += "\r\nX: y";
  EXPECT_EQ(status_of(many), 0);
  EXPECT_EQ(status_of(many + "\r\nX: y"), 431);
}

}  // namespace
}  // namespace thimble
