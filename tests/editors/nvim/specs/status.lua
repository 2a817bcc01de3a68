-- What a statusline shows of Pi, and what it costs.

--- `call` as the editor's own statusline.
local function statusline(nvim)
  return nvim:lua([[
    return vim.trim(vim.api.nvim_eval_statusline(vim.o.statusline, { winid = 0 }).str)
  ]])
end

local script = {
  call("1", "bash", { command = "cat gate; echo 100%" }),
  answer("Done."),
}

--- The screen's line with the statusline of the only window.
local function drawn(nvim, text)
  nvim:wait([[vim.iter(vim.fn.range(1, vim.o.lines)):any(function(row)
    local line = {}
    for column = 1, vim.o.columns do line[column] = vim.fn.screenstring(row, column) end
    return table.concat(line):find(arguments[1], 1, true) ~= nil
  end)]], text)
end

story("a statusline says what Pi does while it does something, also without the chat in sight", {
  script = script,
}, function(nvim)
  make_gate(nvim)
  nvim:lua([[vim.o.laststatus = 2; vim.o.statusline = "[%{v:lua.require'pi'.statusline()}]"]])
  equal(statusline(nvim), "[]", "before it is used")
  nvim:cmd("Pi go")
  nvim:event("PiToolStart")
  nvim:cmd("Pi close")
  drawn(nvim, "[● Running cat gate; echo 100%")
  equal(nvim:lua("return #vim.api.nvim_list_wins()"), 1, "windows")
  local status = nvim:lua("return require('pi').status()")
  equal({ status.state, status.icon, status.model, status.waiting, status.queued, status.hunks },
    { "tool", "●", "scripted", false, 0, 0 })
  open_gate(nvim)
  nvim:event("PiRunEnd")
  drawn(nvim, "[]")
end)

story("lualine has a component for it", { script = script }, function(nvim)
  make_gate(nvim)
  -- What its components are made from.
  nvim:lua([[
    package.preload["lualine.component"] = function()
      local Component = {}
      function Component:extend()
        return setmetatable({}, { __index = self, __call = function(class)
          return setmetatable({}, { __index = class })
        end })
      end
      return Component
    end
    _G.component = require("lualine.components.pi")()
  ]])
  local function shown()
    return nvim:lua("return { _G.component:update_status(), package.loaded['pi'] ~= nil }")
  end
  equal(shown(), { "", false }, "before Pi is used nothing is loaded for it")
  nvim:cmd("Pi go")
  nvim:event("PiToolStart")
  equal(shown(), { "● Running cat gate; echo 100%%…", true })
  open_gate(nvim)
  nvim:event("PiRunEnd")
  equal(shown(), { "", true })
end)

story("any question that waits is in the status, and goes when it is answered", { script = {} }, function(nvim)
  nvim:edit("a.txt")
  nvim:lua("require('pi').session():when_ready(function() _G.ready = true end)")
  nvim:wait("_G.ready")
  nvim:lua([[require("pi").session():request("workspace/executeCommand", { command = "pi.mode", arguments = {} })]])
  nvim:event("PiUi")
  nvim:wait("require('pi').status().waiting")
  equal(nvim:lua("return require('pi').statusline()"), "? Waiting for your answer")
  equal(nvim:lua("return require('pi').session():busy()"), false, "a question is no run")
  nvim:choose()
  nvim:cmd("Pi answer")
  nvim:wait("not require('pi').status().waiting")
  equal(nvim:lua("return require('pi').statusline()"), "")
end)

story("drawing a statusline asks the file system nothing", { files = { ["src/deep/a.txt"] = "" } }, function(nvim)
  nvim:edit("src/deep/a.txt")
  nvim:lua("require('pi').session():when_ready(function() _G.ready = true end)")
  nvim:wait("_G.ready")
  local asked = nvim:lua([[
    local pi, count = require("pi"), 0
    pi.status()
    for _, name in ipairs({ "fs_stat", "fs_realpath", "fs_access", "fs_scandir" }) do
      local real = vim.uv[name]
      vim.uv[name] = function(...)
        count = count + 1
        return real(...)
      end
    end
    -- It is this session's, and not one of no session.
    assert(pi.status().state == "idle")
    for _ = 1, 100 do
      pi.status()
      pi.statusline()
    end
    return count
  ]])
  equal(asked, 0)
end)
