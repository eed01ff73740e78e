-- What the report's divs become in a format: a function of paper.typ, or a paragraph style of the Word document.

local typst = FORMAT == "typst"

local UNBROKEN_TILES = 4 -- galleries of so many rows are not broken over pages

local SHORT_MARK = 26 -- narrow letters of a mark that is not broken over lines

local STYLES = {
  banner = "Banner", byline = "Byline", about = "About", warning = "Warning", note = "Note", quiet = "Quiet",
  blank = "Blank", lead = "Lead",
  equation = "Equation", commands = "Commands", works = "Bibliography", listing = "Listing", caption = "Table Caption", figcaption = "Caption",
}

-- A div as the call of a function: #warning[...]
local function called(name, blocks)
  local inside = pandoc.Blocks({ pandoc.RawBlock("typst", "#" .. name .. "[") })
  inside:extend(blocks)
  inside:insert(pandoc.RawBlock("typst", "]"))
  return inside
end

-- The shares of the line that columns get; without them a table is as wide as what is in it.
local function spread(tables, widths, style)
  local shares = {}
  for share in widths:gmatch("%S+") do shares[#shares + 1] = tonumber(share) end
  return tables:walk({
    Table = function(found)
      for index, spec in ipairs(found.colspecs) do
        if shares[index] then found.colspecs[index] = { spec[1], shares[index] } end
      end
      if style then -- pictures have no titles above them, nor room for any
        found.attr.attributes["custom-style"] = style
        found.head = pandoc.TableHead({})
      end
      return found
    end,
  })
end

-- Each cell of a gallery is a picture with its words below it.
local function below(blocks)
  return blocks:walk({
    Plain = function(cell)
      local words = cell.content
      if #words > 1 and words[1].t == "Image" then
        local rest = pandoc.Inlines({})
        for index = 2, #words do
          if index > 2 or words[index].t ~= "Space" then rest:insert(words[index]) end
        end
        if typst then
          rest:insert(1, pandoc.RawInline("typst", "#tile["))
          rest:insert(pandoc.RawInline("typst", "]"))
        else
          rest = pandoc.Inlines({ pandoc.LineBreak(), table.unpack(rest) })
        end
        local tile = pandoc.Plain(pandoc.Inlines({ words[1], table.unpack(rest) }))
        return typst and tile or pandoc.Div({ tile }, { ["custom-style"] = "Tile" })
      end
    end,
  })
end

-- Pictures side by side: in columns of the same width, or of these.
local function even(blocks, columns, shares)
  if shares then return spread(blocks, shares, "Pictures") end
  local widths = {}
  for index = 1, columns do widths[index] = string.format("%.4f", 1 / columns) end
  return spread(blocks, table.concat(widths, " "), "Pictures")
end

local function columns(blocks)
  for _, block in ipairs(blocks) do
    if block.t == "Table" then return #block.colspecs end
  end
  return 1
end

-- The field of the contents; docx_styles.py fills it.
local function contents(title)
  local run = '<w:r><w:fldChar w:fldCharType="begin" w:dirty="true" /><w:instrText xml:space="preserve">'
    .. 'TOC \\o "1-2" \\h \\z \\u</w:instrText><w:fldChar w:fldCharType="separate" />'
    .. '<w:fldChar w:fldCharType="end" /></w:r>'
  return { pandoc.Div(title, { ["custom-style"] = "TOC Heading" }), pandoc.RawBlock("openxml", "<w:p>" .. run .. "</w:p>") }
end

local function rows(blocks)
  local found = 0
  blocks:walk({
    Table = function(one)
      for _, body in ipairs(one.bodies) do found = found + #body.body end
    end,
  })
  return found
end

-- How wide a text is, in narrow letters: others take three bytes.
local function cells(text)
  local wide = 0
  for _ in text:gmatch("[\xE3-\xEF][\x80-\xBF][\x80-\xBF]") do wide = wide + 1 end
  return utf8.len(text) + wide
end

function Span(span)
  if span.classes:includes("sign") then
    -- at half the height of the pictures; Word has lines of the size of a tile's
    local told = pandoc.Inlines(span.content)
    if typst then
      told:insert(1, pandoc.RawInline("typst", "#sign(" .. span.attributes.height .. ")["))
      told:insert(pandoc.RawInline("typst", "]"))
    else
      for _ = 1, 3 do told:insert(1, pandoc.LineBreak()) end
    end
    return told
  end
  if not span.classes:includes("mark") then return nil end
  local short = cells(pandoc.utils.stringify(span.content)) <= SHORT_MARK
  if typst then
    local inside = pandoc.Inlines({ pandoc.RawInline("typst", short and "#kept[" or "#mark[") })
    inside:extend(span.content)
    inside:insert(pandoc.RawInline("typst", "]"))
    return inside
  end
  local kept = span.content
  if short then kept = kept:walk({ Space = function() return pandoc.Str("\u{a0}") end }) end
  return pandoc.Span(kept, { ["custom-style"] = "Mark" })
end

-- The style that Word gives tight lists is that of table cells.
local function loose(list)
  return list:walk({ Plain = function(item) return pandoc.Para(item.content) end })
end

if not typst then BulletList, OrderedList = loose, loose end

-- What explains the formula before it goes on with its sentence, at the margin.
function Para(para)
  local first = para.content[1]
  if typst and first and first.t == "Str" and first.text:sub(1, #"其中") == "其中" then
    return called("flush", { para })
  end
end

-- Short formulas stay whole, and what must not begin a line stays with the formula or name before it.
local UNBROKEN_TEX = 24
local function short(math)
  return #math.text <= UNBROKEN_TEX and math.mathtype == "InlineMath"
end

local HELD = { "，", "。", "；", "：", "、", "）", "”" }
function Inlines(inlines)
  if not typst then return nil end
  local found = pandoc.Inlines({})
  for index, each in ipairs(inlines) do
    local following = inlines[index + 1]
    if each.t == "Math" and short(each) then
      found:extend({ pandoc.RawInline("typst", "#box["), each, pandoc.RawInline("typst", "]") })
    else
      found:insert(each)
    end
    if (each.t == "Math" or each.t == "Code") and following and following.t == "Str" then
      for _, mark in ipairs(HELD) do
        if following.text:sub(1, #mark) == mark then
          found:insert(pandoc.RawInline("typst", "⁠"))
          break
        end
      end
    end
  end
  return found
end

function Div(div)
  local kind = div.classes[1]
  local blocks = div.content
  if kind == "contents" and not typst then
    return contents(blocks)
  end
  if kind == "table" and (not typst or div.classes:includes("spread")) then
    blocks = spread(blocks, div.attributes.widths)
  elseif kind == "panels" then
    blocks = spread(below(blocks), div.attributes.widths, "Pictures")
  elseif kind == "gallery" then
    blocks = even(below(blocks), columns(blocks), div.attributes.widths)
  end
  if typst then
    local name = kind
    if kind == "figure" then name = "figured" end -- typst has a figure and a table of its own
    if kind == "table" then
      local broken = div.classes:includes("long") and "true" or "false"
      name = string.format("tabled(breakable: %s, size: %s)", broken, div.attributes.size)
    end
    if kind == "gallery" then
      name = string.format("gallery(breakable: %s)", rows(blocks) <= UNBROKEN_TILES and "false" or "true")
    end
    return called(name, blocks)
  end
  if kind == "figure" or kind == "strokes" then
    blocks[1] = pandoc.Div({ blocks[1] }, { ["custom-style"] = "Picture" })
  end
  if STYLES[kind] then
    return pandoc.Div(blocks, { ["custom-style"] = STYLES[kind] })
  end
  return blocks
end
