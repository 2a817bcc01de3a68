--- `:Pi`: subcommands, their completion, and free text as a prompt.
---
--- A subcommand that takes nothing or one word is one only without more words: `:Pi stop` stops, `:Pi stop using tabs
--- in this file` asks for that.
local M = {}

local function region(args)
  return require("pi.context").of_command(args)
end

---@class pi.Subcommand
---@field words integer how many words it takes at most
---@field one_of? string[] what its word can be
---@field run fun(text: string, args: table)
---@field complete? fun(): string[]

local anything = math.huge

---@type table<string, pi.Subcommand>
local subcommands = {
  ask = {
    words = anything,
    run = function(text, args)
      require("pi").ask({ text = text, region = region(args), stop = args.bang })
    end,
  },
  steer = {
    words = anything,
    run = function(text, args)
      require("pi").steer(text, { region = region(args) })
    end,
  },
  queue = {
    words = anything,
    run = function(text, args)
      require("pi").queue(text, { region = region(args) })
    end,
  },
  deny = {
    words = anything,
    run = function(text)
      require("pi").deny(text)
    end,
  },
  diff = {
    words = 1,
    run = function(text)
      require("pi").diff(text ~= "" and text or nil)
    end,
    complete = function()
      return require("pi.decide").files()
    end,
  },
  model = {
    words = 1,
    run = function(text)
      require("pi").model(text ~= "" and text or nil)
    end,
    complete = function()
      return vim.tbl_map(function(model)
        return model.provider .. "/" .. model.id
      end, require("pi").session().models)
    end,
  },
  thinking = {
    words = 1,
    run = function(text)
      require("pi").thinking(text ~= "" and text or nil)
    end,
    complete = function()
      return require("pi").session().levels
    end,
  },
}
for _, name in ipairs({ "keep", "reject" }) do
  local scopes = { "hunk", "file", "all" }
  subcommands[name] = {
    words = 1,
    one_of = scopes,
    run = function(text, args)
      local lines = args.range > 0 and { first = args.line1 - 1, last = args.line2 - 1 } or {}
      require("pi")[name]({ scope = text ~= "" and text or nil, first = lines.first, last = lines.last })
    end,
  }
end
local alone = {
  "toggle", "focus", "close", "stop", "answer", "allow", "new", "doctor", "demo", "log", "restart", "redo", "review",
}
for _, name in ipairs(alone) do
  subcommands[name] = {
    words = 0,
    run = function()
      require("pi")[name]()
    end,
  }
end

--- Runs `:Pi`.
---@param args table as `nvim_create_user_command` gives them
function M.run(args)
  local text = vim.trim(args.args)
  if text == "" and args.range == 0 then
    return require("pi").focus()
  end
  local name, rest = text:match("^(%S+)%s*(.*)$")
  local subcommand = subcommands[name]
  local words = #vim.split(rest, "%s+", { trimempty = true })
  local known = not subcommand or not subcommand.one_of or words == 0 or vim.tbl_contains(subcommand.one_of, rest)
  if subcommand and words <= subcommand.words and known then
    return subcommand.run(rest, args)
  end
  subcommands.ask.run(text, args)
end

--- Runs `:PiSteer`.
function M.steer(args)
  subcommands.steer.run(vim.trim(args.args), args)
end

--- Completes `:Pi`.
---@param lead string
---@param line string
---@param position integer
---@return string[]
function M.complete(lead, line, position)
  local before = line:sub(1, position - #lead):match("Pi!?%s+(.*)$") or ""
  local names
  if before == "" then
    names = vim.tbl_keys(subcommands)
    table.sort(names)
  else
    local subcommand = subcommands[vim.trim(before)]
    names = subcommand and (subcommand.one_of or subcommand.complete and subcommand.complete()) or {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, names)
end

return M
