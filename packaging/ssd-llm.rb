# A Homebrew formula (docs/packaging.md). `url` and `sha256` are those of the package that `npm pack` makes, where it is published.
class SsdLlm < Formula
  desc "Runs language models larger than memory: weights stream from the SSD"
  homepage "https://github.com/ssd-llm/ssd-llm"
  url "https://github.com/ssd-llm/ssd-llm/releases/download/v0.1.0/ssd-llm-0.1.0.tgz"
  sha256 "SHA256_OF_THE_PACKAGE"
  license "MIT"

  depends_on "node"

  def install
    system "npm", "install", *std_npm_args
    bin.install_symlink libexec.glob("bin/*")
  end

  service do
    run [opt_bin/"ssd-llm", "serve"]
    keep_alive true
    log_path var/"log/ssd-llm.log"
    error_log_path var/"log/ssd-llm.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ssd-llm --version")
  end
end
