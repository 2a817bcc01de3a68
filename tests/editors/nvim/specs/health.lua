-- :checkhealth pi names what is there and what is wrong.

story("checkhealth names the binary, its version and the server's answer", {}, function(nvim)
  nvim:cmd("checkhealth pi")
  local version = vim.system({ vim.env.PI_BIN, "--version" }, { text = true }):wait().stdout:match("^pi%-server (%S+)")
  contains(nvim:current(), "Neovim", "vim.g.pi is valid", vim.env.PI_BIN .. " (setting), pi-server " .. version,
    "the server answers", "model: faux/scripted", "log: ")
  assert(not nvim:current():find("ERROR", 1, true), nvim:current())
end)

story("checkhealth names a wrong program and wrong settings", {
  config = { cmd = "/bin/true", layout = "left" },
}, function(nvim)
  nvim:cmd("checkhealth pi")
  contains(nvim:current(), "vim.g.pi: unknown key layout", "/bin/true (setting) is not used",
    "does not say that it is pi-server", "ERROR")
end)
