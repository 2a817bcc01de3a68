-- What the editor and its language servers know reaches the model when it asks.

--- A language server in the editor's own process: `beta` is defined in line 1 of b.txt and used in a.txt.
local knows = [[
  local function server()
    local function location(name, line, first, last)
      return {
        uri = vim.uri_from_fname(vim.uv.cwd() .. "/" .. name),
        range = { start = { line = line, character = first }, ["end"] = { line = line, character = last } },
      }
    end
    local answers = {
      initialize = { capabilities = {
        definitionProvider = true, referencesProvider = true, documentSymbolProvider = true, positionEncoding = "utf-16",
      } },
      ["textDocument/definition"] = location("b.txt", 0, 0, 4),
      ["textDocument/references"] = { location("b.txt", 0, 0, 4), location("a.txt", 1, 3, 7) },
    }
    return {
      request = function(method, params, callback)
        _G.asked = _G.asked or {}
        _G.asked[method] = params
        local answer = answers[method]
        -- An answer comes later, as that of a real server does.
        vim.schedule(function() callback(nil, answer) end)
        return true, 1
      end,
      notify = function() end,
      is_closing = function() return false end,
      terminate = function() end,
    }
  end
  vim.lsp.start({ name = "knows", cmd = server, root_dir = vim.uv.cwd() })
]]

story("the model finds definitions and references through the editor's language servers", {
  files = { ["a.txt"] = "one\n𝄞 beta\n", ["b.txt"] = "beta\n" },
  script = {
    call("1", "editor_definition", { path = "a.txt", symbol = "beta" }),
    call("2", "editor_references", { path = "a.txt", symbol = "beta" }),
    answer("Found."),
  },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua(knows)
  nvim:cmd("Pi where is beta")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "editor_definition", "b.txt:1", "editor_references", "a.txt:2", "Found.")
  -- Two code units for 𝄞 and one for the blank: the name begins at 3, whatever Pi's own client counts in.
  equal(nvim:lua("return _G.asked['textDocument/definition'].position"), { line = 1, character = 3 })
end)

story("problems that the editor shows are read by the model", {
  files = { ["a.txt"] = "one\nbeta\n" },
  script = { call("1", "editor_diagnostics", { path = "a.txt" }), answer("Seen.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua([[vim.diagnostic.set(vim.api.nvim_create_namespace("lint"), 0, {
    { lnum = 1, col = 0, end_col = 4, message = "no beta here", source = "lint", severity = vim.diagnostic.severity.ERROR },
  })]])
  nvim:cmd("Pi look")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "editor_diagnostics", "no beta here", "Seen.")
end)
