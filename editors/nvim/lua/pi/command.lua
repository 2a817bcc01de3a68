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
  reject = {
    words = anything,
    run = function(text)
      require("pi").reject(text)
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
for _, name in ipairs({ "toggle", "focus", "close", "stop", "answer", "allow", "new", "doctor", "demo", "log", "restart" }) do
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
  if subcommand and #vim.split(rest, "%s+", { trimempty = true }) <= subcommand.words then
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
    names = subcommand and subcommand.complete and subcommand.complete() or {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, names)
end

return M
