--- `:Pi`: subcommands, their completion, and free text as a prompt.
---
--- A subcommand is one only if what follows is what it takes: `:Pi stop` stops, `:Pi stop using tabs in this file` asks
--- for that; `:Pi add a.rs` adds the file, `:Pi add tests` asks for them.
local M = {}

local function pi()
  return require("pi")
end

local function region(args)
  return require("pi.context").of_command(args)
end

local function or_nil(text)
  return text ~= "" and text or nil
end

---@class pi.Subcommand
---@field words integer how many words it takes at most
---@field one_of? string[] what its word can be
---@field accepts? fun(text: string, args: table): boolean whether the words are meant for it, if there are some
---@field run fun(text: string, args: table)
---@field complete? fun(lead: string): string[]

local anything = math.huge

local function files(lead)
  return vim.fn.getcompletion(lead, "file")
end

local function are_files(text)
  return vim.iter(vim.split(text, "%s+", { trimempty = true })):all(function(name)
    return vim.fn.filereadable(vim.fn.expand(name)) == 1
  end)
end

local function looks_like_file(text)
  return text:find("[./\\]") ~= nil
end

---@type table<string, pi.Subcommand>
local subcommands = {
  ask = {
    words = anything,
    run = function(text, args)
      pi().ask({ text = text, region = region(args), stop = args.bang })
    end,
  },
  steer = {
    words = anything,
    run = function(text, args)
      pi().steer(text, { region = region(args) })
    end,
  },
  queue = {
    words = anything,
    run = function(text, args)
      if text == "list" then
        return pi().queue_list()
      end
      pi().queue(text, { region = region(args) })
    end,
    complete = function()
      return { "list" }
    end,
  },
  edit = {
    words = anything,
    accepts = function(_, args)
      return args.range > 0
    end,
    run = function(text, args)
      pi().edit({ text = text, region = region(args) })
    end,
  },
  add = {
    words = anything,
    accepts = are_files,
    run = function(text, args)
      pi().add({ region = region(args), files = vim.split(text, "%s+", { trimempty = true }) })
    end,
    complete = files,
  },
  allow = {
    words = 1,
    one_of = { "once", "chat", "always" },
    run = function(text)
      pi().allow(or_nil(text))
    end,
  },
  deny = {
    words = anything,
    run = function(text)
      pi().deny(text)
    end,
  },
  diff = {
    words = 1,
    accepts = looks_like_file,
    run = function(text)
      pi().diff(or_nil(text))
    end,
    complete = function()
      return require("pi.decide").files()
    end,
  },
  revert = {
    words = 1,
    accepts = function(text)
      return tonumber(text) ~= nil
    end,
    run = function(text)
      pi().revert(tonumber(text))
    end,
  },
  model = {
    words = 1,
    run = function(text)
      pi().model(or_nil(text))
    end,
    complete = function()
      return vim.tbl_map(function(model)
        return model.provider .. "/" .. model.id
      end, pi().session().models)
    end,
  },
  thinking = {
    words = 1,
    run = function(text)
      pi().thinking(or_nil(text))
    end,
    complete = function()
      return pi().session().levels
    end,
  },
  mode = {
    words = 1,
    one_of = { "plan", "ask", "edit", "full" },
    run = function(text)
      pi().mode(or_nil(text))
    end,
  },
  export = {
    words = 1,
    accepts = looks_like_file,
    run = function(text)
      pi().export(or_nil(text))
    end,
    complete = files,
  },
}
for _, name in ipairs({ "keep", "reject" }) do
  subcommands[name] = {
    words = 1,
    one_of = { "hunk", "file", "all" },
    run = function(text, args)
      local lines = args.range > 0 and { first = args.line1 - 1, last = args.line2 - 1 } or {}
      pi()[name]({ scope = or_nil(text), first = lines.first, last = lines.last })
    end,
  }
end
for _, name in ipairs({ "explain", "fix", "refactor", "doc", "test" }) do
  subcommands[name] = {
    words = 0,
    run = function(_, args)
      pi()[name]({ region = region(args) })
    end,
  }
end
for _, name in ipairs({ "sessions", "compact" }) do
  subcommands[name] = {
    words = anything,
    run = function(text)
      pi()[name](or_nil(text))
    end,
  }
end
local alone = {
  "toggle", "focus", "close", "stop", "skip", "retry", "continue", "answer", "redo", "review", "tree", "fork", "new", "rename",
  "delete", "cost", "document", "demo", "setup", "doctor", "log", "restart",
}
for _, name in ipairs(alone) do
  subcommands[name] = {
    words = 0,
    run = function()
      pi()[name]()
    end,
  }
end

subcommands["give-up"] = {
  words = 0,
  run = function()
    pi().give_up()
  end,
}

--- Whether words behind a name are what it takes.
---@param subcommand pi.Subcommand
---@param rest string
---@param args table
local function takes(subcommand, rest, args)
  if rest == "" then
    return true
  elseif subcommand.one_of then
    return vim.tbl_contains(subcommand.one_of, rest)
  end
  local words = #vim.split(rest, "%s+", { trimempty = true })
  return words <= subcommand.words and (not subcommand.accepts or subcommand.accepts(rest, args))
end

--- Runs `:Pi`.
---@param args table as `nvim_create_user_command` gives them
function M.run(args)
  local text = vim.trim(args.args)
  if text == "" and args.range == 0 then
    return pi().focus()
  end
  local name, rest = text:match("^(%S+)%s*(.*)$")
  local subcommand = subcommands[name]
  if subcommand and takes(subcommand, rest, args) then
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
    local subcommand = subcommands[before:match("^%S+")]
    names = subcommand and (subcommand.one_of or subcommand.complete and subcommand.complete(lead)) or {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, names)
end

return M
