-- What the plugin costs and takes before it is used.

story("loading the plugin requires nothing, maps nothing and takes under a millisecond", {}, function(nvim)
  equal(nvim:lua([[
    return vim.tbl_filter(function(name) return vim.startswith(name, "pi") end, vim.tbl_keys(package.loaded))
  ]]), {}, "modules")
  equal(nvim:lua([[
    local foreign = {}
    for _, mode in ipairs({ "n", "x", "i", "o", "c", "t" }) do
      for _, map in ipairs(vim.api.nvim_get_keymap(mode)) do
        if (map.desc or ""):match("^Pi") and not map.lhs:match("^<Plug>") then
          table.insert(foreign, map.lhs)
        end
      end
    end
    return foreign
  ]]), {}, "global mappings")
  -- The best of several loads: one may meet a busy machine.
  local best = nvim:lua([[
    local file, best = ..., math.huge
    for _ = 1, 20 do
      vim.g.loaded_pi = nil
      local start = vim.uv.hrtime()
      vim.cmd.source(file)
      best = math.min(best, (vim.uv.hrtime() - start) / 1e6)
    end
    return best
  ]], repo .. "/editors/nvim/plugin/pi.lua")
  assert(best <= 1, ("loading took %.2f ms"):format(best))
end)

story("subcommands, models and nothing else are completed", {}, function(nvim)
  local complete = "return vim.fn.getcompletion(..., 'cmdline')"
  equal(nvim:lua(complete, "Pi st"), { "steer", "stop" })
  equal(nvim:lua(complete, "Pi! as"), { "ask" })
  equal(nvim:lua(complete, "Pi ask st"), {})
  equal(nvim:lua(complete, "5,7Pi qu"), { "queue" })
end)

story("wrong settings are named by checkhealth and do no harm", {
  config = { layot = "left", chat = { layout = "middle", width = 0.5 }, notify = 3 },
}, function(nvim)
  equal(nvim:lua("return { require('pi.config').read() }")[2], {
    'chat.layout must be one of "right", "left", "bottom", "float", "tab", "current"',
    'notify must be one of "needed", "always", "never"',
    "unknown key layot",
  })
  equal(nvim:lua("return require('pi.config').get().chat.layout"), "right")
  equal(nvim:lua("return require('pi.config').get().chat.width"), 0.5)
end)

story("what a frame costs does not depend on the length of the chat", {}, function(nvim)
  local times = nvim:lua([[
    local transcript = require("pi.transcript")
    local function cost(lines)
      local it = transcript.new(vim.uv.cwd())
      it:user("hello", {})
      it:stream("text", ("a line of an answer\n"):rep(lines))
      it:flush()
      local all = {}
      for index = 1, 300 do
        -- Ten deltas come in one frame.
        for _ = 1, 10 do
          it:stream("text", index % 5 == 0 and "word\n" or "word ")
        end
        local start = vim.uv.hrtime()
        it:flush()
        all[index] = (vim.uv.hrtime() - start) / 1e6
      end
      table.sort(all)
      it:delete()
      return all[285]
    end
    return { cost(100), cost(10000) }
  ]])
  assert(times[2] <= 1, ("95 of 100 frames at 10,000 lines take up to %.2f ms"):format(times[2]))
  assert(times[2] <= 5 * times[1] + 0.1, ("%.3f ms at 100 lines, %.3f ms at 10,000"):format(times[1], times[2]))
end)

story("the demo edits a buffer, asks once, and leaves two changes to decide about", {
  files = { ["own.txt"] = "mine\n" },
  config = { cmd = { vim.env.PI_BIN } },
}, function(nvim)
  nvim:edit("own.txt")
  nvim:cmd("Pi demo")
  nvim:wait("require('pi').status().waiting")
  contains(nvim:buffer("pi-demo/retry.rs"), "tries == 3")
  equal(nvim:lua("return { vim.fn.expand('%:t'), vim.bo.modified }"), { "retry.rs", true })
  contains(nvim:lua("return _G.said[1]"), "Pi asks: sh pi-demo/test.sh")
  nvim:cmd("Pi allow")
  nvim:cmd("Pi allow once")
  equal(nvim:event("PiRunEnd").outcome, "done")
  contains(nvim:transcript(), "Scripted demo – no model involved", "keep one, reject one")
  nvim:wait("require('pi').status().hunks == 2")
  nvim:cmd("Pi reject all")
  nvim:wait("require('pi').status().hunks == 0")
  equal(nvim:buffer("pi-demo/retry.rs"):find("tries ==", 1, true), nil, "what was rejected")
  nvim:cmd("Pi new")
  nvim:wait("require('pi').session().model == nil")
  contains(nvim:transcript(), "Pi is ready to try.", ":Pi demo   a demo: no key, 20 seconds, a scripted model",
    "no local server answers yet", "none in the environment")
end)
