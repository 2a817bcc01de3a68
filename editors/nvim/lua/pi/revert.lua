--- `:Pi revert`: takes back what was changed since a prompt, after a look at what that comes to.
local chats = require("pi.chats")
local hunks = require("pi.hunks")
local review = require("pi.review")
local M = {}

--- Shows what would be taken back.
local function compare(it, ids)
  it:request("pi/edits/diff", { hunks = ids }, function(err, result)
    if err then
      return it:report(err)
    end
    vim.cmd("botright new")
    vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = "nofile", "wipe", false
    vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(result.diff, "\n"))
    vim.bo.filetype, vim.bo.modifiable = "diff", false
  end)
end

local function carry_out(it, id, fork)
  it:request("pi/edits/revert", { to = id, fork = fork or nil }, function(err, decided)
    if err then
      return it:report(err)
    end
    review.report("revert", decided)
    if fork then
      it:refresh(function()
        require("pi.prompt").insert(it, decided.text or "")
      end)
    end
  end)
end

--- Says what it comes to, and asks.
local function preview(it, id)
  it:request("pi/edits/revert", { to = id, preview = true }, function(err, outcome)
    if err then
      return it:report(err)
    end
    local count, stay, beside = #outcome.hunks, #outcome.conflicts, hunks.beside(outcome.notRestored)
    if count == 0 and stay == 0 then
      local text = beside and ("Nothing on record was changed since. %s."):format(beside) or "Nothing was changed since."
      return vim.notify(text, vim.log.levels.INFO, { title = "Pi" })
    end
    local files = vim.tbl_map(function(uri)
      return vim.fn.fnamemodify(vim.uri_to_fname(uri), ":.")
    end, outcome.uris)
    local acts = {}
    if count > 0 then
      local what = ("%s in %s"):format(hunks.count(count, "change"), table.concat(files, ", "))
      acts[1] = { name = "Revert " .. what, run = carry_out }
      acts[2] = {
        name = "The same, and go on in a new chat from before that prompt",
        run = function()
          carry_out(it, id, true)
        end,
      }
    end
    acts[#acts + 1] = {
      name = "Compare",
      run = function()
        local ids = vim.tbl_map(function(conflict)
          return conflict.hunk
        end, outcome.conflicts)
        compare(it, vim.list_extend(ids, outcome.hunks))
      end,
    }
    local of = count + stay
    local prompt = { "Revert everything after this", beside }
    if stay > 0 then
      prompt[1] = ("%d of %s stay: %s"):format(stay, hunks.count(of, "change"), outcome.conflicts[1].reason)
    end
    vim.ui.select(acts, {
      prompt = table.concat(prompt, " · "),
      format_item = function(act)
        return act.name
      end,
    }, function(act)
      if act then
        act.run(it, id)
      end
    end)
  end)
end

--- Chooses a prompt, shows what reverting to it comes to, and does it.
---@param turn? integer number of the prompt in the chat, from 1; default: a picker
function M.revert(turn)
  local it = require("pi").session()
  it:when_ready(function(problem)
    if problem then
      return
    end
    chats.branch(it, function(messages)
      if not turn then
        return chats.choose_message(messages, "Revert everything after", function(message)
          preview(it, message.id)
        end)
      elseif not messages[turn] then
        local text = ("There is no turn %d; this chat has %d."):format(turn, #messages)
        return vim.notify(text, vim.log.levels.INFO, { title = "Pi" })
      end
      preview(it, messages[turn].id)
    end)
  end)
end

return M
