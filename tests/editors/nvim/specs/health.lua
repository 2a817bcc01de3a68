-- :checkhealth pi names what is there and what is wrong.

story("checkhealth names the binary, its version and the server's answer", {}, function(nvim)
  nvim:cmd("checkhealth pi")
  local version = vim.system({ vim.env.PI_BIN, "--version" }, { text = true }):wait().stdout:match("^pi%-server (%S+)")
  contains(nvim:current(), "Neovim", "vim.g.pi is valid", vim.env.PI_BIN .. " (setting), pi-server " .. version,
    "the server answers", "protocol 1, schema ", "model: faux/scripted", "sandbox of the model's commands: ",
    "permissions: full", "settings: ", "shell: ", "file watcher: ", "log: ")
  assert(not nvim:current():find("ERROR", 1, true), nvim:current())
end)

story("checkhealth names keys of others, plugins that save, and keys of the user without their values", {}, function(nvim)
  nvim:lua([[
    vim.keymap.set("n", "]h", "<Cmd>echo 1<CR>", { desc = "next hunk of Git" })
    vim.g.loaded_auto_save = 1
    vim.o.autoread = false
    vim.env.ANTHROPIC_API_KEY = "sk-ant-secret"
  ]])
  nvim:cmd("checkhealth pi")
  contains(nvim:current(), "ANTHROPIC_API_KEY", "]h is yours (next hunk of Git)", "a plugin saves buffers by itself",
    'sendOn = "marker"', "'autoread' is off", ":set autoread")
  assert(not nvim:current():find("sk-ant-secret", 1, true), nvim:current())
end)

story("checkhealth says that the provider refuses the key", {
  config = { cmd = { vim.env.PI_BIN, "--provider", "mine", "--model", "m" } },
}, function(nvim)
  local port = nvim:lua([[
    local server = vim.uv.new_tcp()
    server:bind("127.0.0.1", 0)
    server:listen(8, function()
      local socket = vim.uv.new_tcp()
      server:accept(socket)
      socket:read_start(function()
        socket:write("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
      end)
    end)
    return server:getsockname().port
  ]])
  write_file(nvim.dir .. "/agent/models.json", vim.json.encode({ providers = { mine = {
    baseUrl = ("http://127.0.0.1:%d/v1"):format(port), api = "openai-completions", apiKey = "secret-key", models = { { id = "m" } },
  } } }))
  nvim:cmd("checkhealth pi")
  contains(nvim:current(), "model: mine/m", "ERROR mine did not accept the key (401).", "Set another key")
  assert(not nvim:current():find("secret-key", 1, true), nvim:current())
end)

story("checkhealth names a wrong program and wrong settings", {
  config = { cmd = "/bin/true", layout = "left" },
}, function(nvim)
  nvim:cmd("checkhealth pi")
  contains(nvim:current(), "vim.g.pi: unknown key layout", "/bin/true (setting) is not used",
    "does not say that it is pi-server", "ERROR")
end)
