// The Hugging Face hub's interface, as far as finding files goes: the commit of a revision, and the files of a commit with
// their sizes and digests. What a server says is hostile: answers are bounded, and names and numbers that make no sense left out.
#pragma once

#include <string>
#include <vector>

#include "fetch/http.h"
#include "fetch/reference.h"
#include "fetch/retry.h"
#include "format/json_text.h"

namespace thimble {

class Hub {
 public:
  // `endpoint` without a slash at its end. All references must outlive it.
  Hub(HttpClient& http, std::string endpoint, const RetryPolicy& policy, const FetchEvents& events);

  // The commit (40 hexadecimal digits) that the reference's revision stands for now. Throws Error(failed).
  std::string commit_of(const HubReference& reference);
  std::vector<RepositoryFile> files_of(const HubReference& reference, const std::string& commit);
  std::string address_of(const HubReference& reference, const std::string& commit, const std::string& path) const;

 private:
  struct Answer;
  Answer get_json(const std::string& url, const std::string& what);

  HttpClient& http_;
  std::string endpoint_;
  const RetryPolicy& policy_;
  const FetchEvents& events_;
};

bool is_commit(std::string_view text);

// The files in a hub's answer; folders, and entries that make no sense, are left out.
std::vector<RepositoryFile> files_in_list(const nlohmann::json& list);

}  // namespace thimble
