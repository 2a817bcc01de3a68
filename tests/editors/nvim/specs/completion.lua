-- What to type next, as Neovim 0.12 shows and takes it (`:help lsp-inline_completion`).

local function config(enabled)
  return {
    cmd = { vim.env.PI_BIN, "--provider", "faux", "--model", "scripted" },
    settings = { completion = { enabled = enabled, debounceMs = 0 } },
  }
end

local script = {
  { content = { { type = "text", text = "```\n    return a + b\n```" } }, match = "<before>", ["repeat"] = true },
  answer("Untouched."),
}

--- Turns it on in the editor as the manual says, and shows the file to the server.
local function open(nvim)
  nvim:edit("add.txt")
  nvim:lua([[
    vim.lsp.inline_completion.enable()
    vim.keymap.set("i", "<Tab>", function()
      return vim.lsp.inline_completion.get() and "" or "<Tab>"
    end, { expr = true })
    require("pi").session():when_ready(function() _G.ready = true end)
  ]])
  nvim:wait("_G.ready")
end

story("what to type next is suggested while typing, and one key takes it", {
  needs = "nvim-0.12",
  files = { ["add.txt"] = "def add(a, b):\n\nprint(add(1, 2))\n" },
  script = script,
  config = config(true),
}, function(nvim)
  open(nvim)
  nvim:keys("jS    ")
  -- On the screen and not in the buffer.
  nvim:wait("vim.fn.screenstring(2, 5) == 'r'")
  contains(nvim:window("add.txt"), "return a + b")
  equal(nvim:buffer("add.txt"), "def add(a, b):\n    \nprint(add(1, 2))", "while it is only suggested")
  nvim:keys("<Tab>")
  nvim:wait("vim.api.nvim_get_current_line() == '    return a + b'")
  equal(nvim:buffer("add.txt"), "def add(a, b):\n    return a + b\nprint(add(1, 2))", "taken")
  equal(nvim:transcript(), "", "it is no chat")
end)

story("nothing is suggested before the user has turned it on", {
  needs = "nvim-0.12",
  files = { ["add.txt"] = "def add(a, b):\n\n" },
  script = script,
  config = config(false),
}, function(nvim)
  open(nvim)
  equal(nvim:lua([[
    return #vim.lsp.get_clients({ name = "pi", method = "textDocument/inlineCompletion" })
  ]]), 0, "servers that suggest")
  nvim:keys("jS    <Tab>")
  nvim:wait("vim.fn.getline(2) == '    \t'")
end)
