"""`thimble pull` over TLS, with an authority of the test's own making."""
import subprocess
import unittest

from fault_server import file_route, redirect_route
from model_bytes import digest, model
from pull_case import PullCase

MODEL = model()


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Tls(PullCase):
    def setUp(self):
        super().setUp()
        try:
            self.authority = self.make_authority("ca")
        except FileNotFoundError:
            self.skipTest("there is no openssl here")
        self.secure = self.start_server(self.make_certificate("good", "IP:127.0.0.1"))
        self.secure.routes["/m.gguf"] = file_route(MODEL)

    def make_authority(self, name):
        openssl(self.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
        return str(self.folder / f"{name}.pem")

    def make_certificate(self, name, subject, days=2):
        (self.folder / "extensions").write_text(f"subjectAltName={subject}\n")
        openssl(self.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", str(days), "-extfile", "extensions", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def test_an_authority_of_ones_own(self):
        for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            report = self.pull(self.secure.url + "/m.gguf", **{variable: self.authority})
            self.assertEqual(report["sha256"], digest(MODEL))
            self.run_thimble("rm", "m")

    def test_an_unknown_authority_is_refused_at_once(self):
        error = self.refuse(1, "SSL_CERT_FILE", self.secure.url + "/m.gguf")
        self.assertNotIn("trying again", error)
        self.refuse(1, "SSL_CERT_FILE", self.secure.url + "/m.gguf", SSL_CERT_FILE=self.make_authority("other"))
        self.assertEqual(self.secure.requests, [])

    def test_a_certificate_of_another_server_is_refused(self):
        wrong = self.start_server(self.make_certificate("wrong", "DNS:example.org"))
        wrong.routes["/m.gguf"] = file_route(MODEL)
        self.refuse(1, "SSL", wrong.url + "/m.gguf", SSL_CERT_FILE=self.authority)
        self.assertEqual(wrong.requests, [])

    def test_an_expired_certificate_is_refused(self):
        old = self.start_server(self.make_certificate("old", "IP:127.0.0.1", days=-1))
        self.refuse(1, "SSL", old.url + "/m.gguf", SSL_CERT_FILE=self.authority)
        self.assertEqual(old.requests, [])

    def test_https_does_not_lead_to_http(self):
        self.server.routes["/m.gguf"] = file_route(MODEL)
        self.secure.routes["/r.gguf"] = redirect_route(self.server.url + "/m.gguf")
        self.refuse(1, "https to http", self.secure.url + "/r.gguf", SSL_CERT_FILE=self.authority)
        self.assertEqual(self.server.requests, [])

    def test_http_may_lead_to_https(self):
        self.server.routes["/r.gguf"] = redirect_route(self.secure.url + "/m.gguf")
        self.pull(self.server.url + "/r.gguf", SSL_CERT_FILE=self.authority)

    def test_a_hub_over_tls(self):
        self.secure.add_repository("o/r", {"a-Q4_0.gguf": (MODEL, digest(MODEL))})
        self.pull("hf:o/r", HF_ENDPOINT=self.secure.url + "/", SSL_CERT_FILE=self.authority, HF_TOKEN="hf_secret")
        self.assertEqual({headers.get("Authorization") for _, headers in self.secure.requests}, {"Bearer hf_secret"})


if __name__ == "__main__":
    unittest.main()
