"""Every kind of fault: the text, the line and path that are named, what was found and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from wallet_api.program_file import DefinitionFaults, read_definition

Complete = Callable[[str], str]

RULE = "earning:\n  - {id: r, on: sale, earn: 1, "
VISIT = "earning:\n  - {id: r, on: check_in, earn: 1, "
REWARD = "rewards:\n  - {id: r, price: 5 points, "
WORKOUT = "earning:\n  - {id: r, on: activity, kind: workout, "
BANDS = "earning:\n  - id: r\n    on: sale\n    bands:\n"
PROMOTION = "earning: [{id: r, on: sale, earn: 1, per: 1.00}]\npromotions:\n  - {id: p, "
TURNS = "rewards: [{id: mug, gives: {item: x}}]\nunits:\n  points: {turns_into: "
UNITS = "units:\n  points: {"
POTS = "earning:\n  - {id: a, on: activity, kind: pots, earn: 1, fields: {choice: credit}}\nchoices:\n  - {kind: pots, field: choice, "
CREDIT = "credits:\n  - {id: c, earn: 1, per: 1.00, "
YEAR = "period: calendar year, credited: 28 days after"
TIERS = "tiers:\n  measure: points\n  levels: [{id: a, from: 0}, {id: b, from: 5}]\n"
GIFT = "rewards:\n  - {id: r, gives: {money_off: 5}, "
CHALLENGE = "challenges:\n  - {id: c, "
PLAN = "membership:\n  plans: {annual: {fee: 10, every: 1 year}}\n"
BENEFITS = "benefits:\n  "
PARTNER = "partners:\n  a: {locations: [x, y], pays: 1, per: 100 points}\n"
LEVELS = "tiers:\n  measure: spend\n  period: calendar year\n  valid: rest of the year\n  then: as earned in the last period\n  levels:\n"


class Case(NamedTuple):
    text: str
    line: int
    path: str
    found: str
    expected: str


CASES = {
    # YAML itself
    "tab": Case("brand:\n\tname: X", 2, "", "a tab stands here", "indent with spaces"),
    "colon in a text": Case("name: My shop: the club", 1, "", "this `:` cannot stand here", "in quotes"),
    "text begins with percent": Case("name: %X", 1, "", "begins with `%`", "in quotes"),
    "brackets left open": Case("brand: {name: X", 2, "", "cannot be read", "look at this line and the one before"),
    "forbidden character": Case("name: ab\x07c", 1, "", "a character stands here that no text may hold", "remove it"),
    "escaped control character": Case('name: "a\\0b"', 1, "name", "a control character", "remove it"),
    "escaped lone surrogate": Case('name: "\\uD800"', 1, "name", "a control character", "remove it"),
    "escape out of range": Case('name: "\\UFFFFFFFF"', 1, "", "out of range", "write the character itself"),
    "second document": Case("name: X\n---\nname: Y", 2, "", "a second document", "one file holds one program"),
    "alias": Case("brand: &b {name: X}\nterms_version: *b", 2, "terms_version", "`*b` repeats", "write that part out"),
    "anchor": Case("brand: &b {name: X}", 1, "brand", "`&b` names a part", "leave it out"),
    "tag": Case("name: !!str X", 1, "name", "the tag `tag:yaml.org,2002:str` stands here", "leave it out"),
    "key twice": Case("name: X\nname: Y", 2, "name", "the key `name` stands twice, first in line 1", "keep one"),
    "key is a list": Case("? [a]\n: 1", 1, "", "this is not a key", "a key is one word"),
    "too deep": Case("journeys: " + "[" * 40 + "]" * 40, 1, "journeys" + "[0]" * 32, "more than 32 levels deep", "flatter"),
    "too many parts": Case("journeys: [" + "1," * 50_001 + "]", 1, "journeys[49997]", "more than 50000 keys", "split"),
    "too large": Case("# " + "é" * 600_000, 1, "", "larger than 1 MiB", "a file of its own"),
    # Shapes
    "unknown key": Case("brand: {nam: X}", 1, "brand.nam", "the key `nam` is unknown", "did you mean `name`?"),
    "unknown key, none near": Case("gifts: {zzz: 1}", 1, "gifts.zzz", "the key `zzz` is unknown", "keys here: `welcome`"),
    "missing key": Case("earning:\n  - {id: r, on: sale}", 2, "earning[0]", "none of `earn`, `bands`, `by_streak`, `by` and `by_size` stands here", "just one: `earn`"),
    "nothing written": Case("name:", 1, "name", "nothing is written here", "here belongs a text"),
    "null is no text": Case("name: null", 1, "name", "`null` does not fit", "put it in quotes if you mean the word"),
    "null is no id": Case("program: null", 1, "program", "`null` does not fit", "put it in quotes if you mean the word"),
    "truth is no id": Case("units: {true: {}}", 1, "units.true", "`true` does not fit", "put it in quotes"),
    "long key": Case("brand: {" + "x" * 65 + ": 1}", 1, "brand", "this is not a key", "at most 64 letters"),
    "key on two lines": Case('brand: {"a\\nb": 1}', 1, "brand", "this is not a key", "a key is one word"),
    "word on two lines": Case('currency: "EU\\nR"', 1, "currency", "`EU R` is unknown", "did you mean `EUR`?"),
    "empty text": Case('name: " "', 1, "name", "an empty text stands here", "here belongs a text"),
    "long text": Case("name: " + "x" * 61, 1, "name", "`xxxx", "at most 60 characters"),
    "text on two lines": Case('name: "a\\nb"', 1, "name", "does not fit", "on one line"),
    "list for a text": Case("name: [X]", 1, "name", "a list stands here", "here belongs a text"),
    "text for a list": Case(RULE + "tags: coffee}", 2, "earning[0].tags", "`coffee` does not fit", "a list of 1"),
    "empty list": Case(RULE + "tags: []}", 2, "earning[0].tags", "a list of 0 stands here", "a list of 1 to 100"),
    "text for keys": Case("brand: X", 1, "brand", "`X` does not fit", "name, colours, logo and links"),
    "keys for a number": Case("units: {points: {decimals: {}}}", 1, "units.points.decimals", "keys and values", "0 to 4"),
    "no keys": Case("units: {}", 1, "units", "0 keys stand here", "units by their ids, at most 20"),
    "list for units": Case("units: [points]", 1, "units", "a list stands here", "units by their ids"),
    "text for journeys": Case("journeys: none", 1, "journeys", "`none` does not fit", "a list of worked examples"),
    "bad id": Case("program: My Shop", 1, "program", "`My Shop` does not fit", "an id such as `my-shop`"),
    "id without a letter": Case("units: {2026: {}}", 1, "units.2026", "`2026` does not fit", "the id of a unit"),
    "id too long": Case(f"program: {'x' * 41}", 1, "program", "does not fit", "an id such as"),
    "bad number": Case("earning:\n  - {id: r, on: sale, earn: '5'}", 2, "earning[0].earn", "`5` does not fit", "quotes"),
    "negative number": Case("earning:\n  - {id: r, on: sale, earn: -5}", 2, "earning[0].earn", "`-5`", "a number such as"),
    "sexagesimal number": Case(RULE + "per: 12:30}", 2, "earning[0].per", "`12:30` does not fit", "such as 5.00"),
    "currency sign": Case(RULE + "minimum: 5 €}", 2, "earning[0].minimum", "`5 €` does not fit", "a currency sign"),
    "whole number out of bounds": Case("units: {points: {decimals: 5}}", 1, "units.points.decimals", "`5`", "from 0 to 4"),
    "unknown event": Case("earning:\n  - {id: r, on: sail, earn: 1}", 2, "earning[0].on", "`sail` is unknown", "`sale`?"),
    "bad choice": Case("tiers: {valid: []}", 1, "tiers.valid", "a list stands here", "one of `rest of the year`"),
    "bad price": Case("gifts: {welcome: {earn: 50}}", 1, "gifts.welcome.earn", "`50` does not fit", "`500 points`"),
    "bad limit": Case(RULE + "at_most: daily}", 2, "earning[0].at_most", "`daily` does not fit", "`1 per day`"),
    "half a time": Case(RULE + "at_most: 1.5 per day}", 2, "earning[0].at_most", "`1.5 per day`", "`1 per day`"),
    "bad span": Case(REWARD + "gives: {item: x}, valid: 0 days}", 2, "rewards[0].valid", "`0 days`", "`60 days`"),
    "bad colour": Case("brand: {colours: {text: red}}", 1, "brand.colours.text", "`red` does not fit", "'#1f2937'"),
    "bad language": Case("languages: [english]", 1, "languages[0]", "`english` does not fit", "such as `en`"),
    "language that is none": Case("languages: [en, zz]", 1, "languages[1]", "`zz` does not fit", "such as `en`"),
    "unknown currency": Case("currency: EURO", 1, "currency", "`EURO` is unknown", "did you mean `EUR`?"),
    "currency is a list": Case("currency: [EUR]", 1, "currency", "a list stands here", "such as `EUR`"),
    "unknown time zone": Case("time_zone: Europe/Pariss", 1, "time_zone", "is unknown", "did you mean `Europe/Paris`?"),
    "the machine's time zone": Case("time_zone: localtime", 1, "time_zone", "is unknown", "such as `Europe/Paris`"),
    "unknown message kind": Case("messages: {welcom: X}", 1, "messages.welcom", "`welcom` is unknown", "`welcome`?"),
    "message without body": Case("messages: {welcome: {en: {title: X}}}", 1, "messages.welcome.en", "`body` is missing", "500"),
    "expires both ways": Case(
        "units: {points: {expires: {after: 1 year, after_inactivity: 1 year}}}",
        1, "units.points.expires", "`after` and `after_inactivity` stand here", "just one",
    ),
    "expires no way": Case("units: {points: {expires: {}}}", 1, "units.points.expires", "none of `after`", "just one: `after`"),
    "gives two things": Case(
        REWARD + "gives: {money_off: 1, item: x}}", 2, "rewards[0].gives", "`money_off` and `item`", "just one"
    ),
    # What parts mean together
    "language twice": Case("languages: [en, en]", 1, "languages[1]", "a language `en` stands already in line 1", "once"),
    "language not spoken": Case("name: {en: A, de: B}", 1, "name.de", "`de` is not one of the program's languages", "`en`"),
    "name in no language": Case("name: {de: A}", 1, "name.de", "`de` is not one of the program's languages", "`en`"),
    "message in no language": Case("messages: {welcome: {de: B}}", 1, "messages.welcome.de", "`de` is not one", "`languages`"),
    "unit name in no language": Case("units: {points: {name: {de: B}}}", 1, "units.points.name.de", "`de` is not one", "fr"),
    "contrast": Case(
        "brand: {colours: {background: '#ffffff', text: '#eeeeee'}}",
        1, "brand.colours.text", "the text #eeeeee can hardly be read on #ffffff, their contrast is 1.2", "at least 3",
    ),
    "contrast with the usual text": Case(
        "brand: {colours: {background: '#ffffff'}}", 1, "brand.colours.background", "the text #ffffff", "at least 3"
    ),
    "contrast of the label": Case(
        "brand: {colours: {background: '#000000', label: '#111111'}}", 1, "brand.colours.label", "the label", "at least 3"
    ),
    "logo without files": Case("brand: {logo: a.jpg}", 1, "brand.logo", "there is no file `a.jpg`", "a PNG file"),
    "logo elsewhere": Case("brand: {logo: ../a.png}", 1, "brand.logo", "`../a.png` leads out of this folder", "beside"),
    "logo from the root": Case("brand: {logo: /a.png}", 1, "brand.logo", "leads out of this folder", "beside"),
    "logo from the web": Case("brand: {logo: 'https://a/b.png'}", 1, "brand.logo", "leads out of this folder", "beside"),
    "logo is a JPEG": Case("brand: {logo: photo.png}", 1, "brand.logo", "the logo is not a PNG image", "save it as PNG"),
    "logo too large": Case("brand: {logo: large.png}", 1, "brand.logo", "the logo has 524289 bytes", "at most 524288"),
    "logo not base64": Case(
        "brand: {logo: 'data:image/png;base64,?'}", 1, "brand.logo", "this logo cannot be read", "the image in base64"
    ),
    "logo of another type": Case("brand: {logo: 'data:image/gif;base64,AA=='}", 1, "brand.logo", "cannot be read", "png"),
    "link that leads nowhere": Case(
        "brand: {links: [{name: Shop, url: shop.example}]}", 1, "brand.links[0].url", "does not fit", "https://shop.example"
    ),
    "link that is code": Case(
        "brand: {links: [{name: Shop, url: 'javascript:alert(1)'}]}", 1, "brand.links[0].url", "does not fit", "mailto:"
    ),
    "link without a name": Case(
        "brand: {links: [{url: 'https://shop.example'}]}", 1, "brand.links[0]", "`name` is missing", "a text"
    ),
    "unit called spend": Case("units: {spend: {}}", 1, "units.spend", "a unit cannot be called `spend`", "a measure"),
    "unit called visits": Case("units: {visits: {}}", 1, "units.visits", "a unit cannot be called `visits`", "a measure"),
    "unknown unit": Case(RULE + "unit: point}", 2, "earning[0].unit", "there is no unit `point`", "`points`?"),
    "which unit": Case(
        "units: {a: {}, b: {}}\n" + RULE + "}", 3, "earning[0]", "does not say which unit it gives", "`a`, `b`"
    ),
    "no unit at all": Case("gifts: {welcome: {earn: 5 stars}}", 1, "gifts.welcome.earn", "no unit `stars`", "`points`"),
    "rule twice": Case(
        RULE + "}\n  - {id: r, on: join, earn: 1}", 3, "earning[1].id", "a rule `r` stands already in line 2", "once"
    ),
    "welcome twice": Case(
        "earning:\n  - {id: welcome, on: join, earn: 1}\ngifts: {welcome: {earn: 5 points}}",
        3, "gifts.welcome", "`welcome` is the rule in line 2", "another id",
    ),
    "per without money": Case(VISIT + "per: 1.00}", 2, "earning[0].per", "`per` needs a sale, and this rule is on `check_in`", "sale"),
    "tags without lines": Case(VISIT + "tags: [a]}", 2, "earning[0].tags[0]", "`tags` needs a sale", "leave out `tags`"),
    "not_tags without lines": Case(VISIT + "not_tags: [a]}", 2, "earning[0].not_tags[0]", "`not_tags` needs a sale", "on: sale"),
    "minimum without money": Case(VISIT + "minimum: 1}", 2, "earning[0].minimum", "`minimum` needs a sale", "leave out"),
    "earn nothing": Case("earning:\n  - {id: r, on: sale, earn: 0}", 2, "earning[0].earn", "what the rule gives is 0", "above 0"),
    "per nothing": Case(RULE + "per: 0}", 2, "earning[0].per", "`per` is 0", "above 0"),
    "earn not exact": Case(
        "earning:\n  - {id: r, on: sale, earn: 1.5}",
        2, "earning[0].earn", "1.5 has too many decimals", "points has no decimals; set `units.points.decimals`",
    ),
    "money not exact": Case(RULE + "per: 1.005}", 2, "earning[0].per", "1.005 has too many decimals", "EUR has at most 2"),
    "money of a currency without cents": Case(
        "currency: JPY\n" + RULE + "per: 1.5}", 3, "earning[0].per", "1.5 has too many decimals", "JPY has no decimals"
    ),
    "gift cards": Case(RULE + "tags: [gift-card]}", 2, "earning[0].tags[0]", "lines tagged `gift-card` never earn", "other"),
    "tag on both sides": Case(
        RULE + "tags: [a], not_tags: [a]}", 2, "earning[0].tags[0]", "`a` stands in `tags` and in `not_tags`", "keep one"
    ),
    "unknown tier in a rule": Case(RULE + "tiers: [golden]}", 2, "earning[0].tiers[0]", "there is no tier `golden`", "`gold`?"),
    "unknown tier in a reward": Case(
        REWARD + "gives: {item: x}, tiers: [vip]}", 2, "rewards[0].tiers[0]", "there is no tier `vip`", "tiers here: `bronze`"
    ),
    "limit of an unknown unit": Case(
        RULE + "at_most: 5 stars per day}", 2, "earning[0].at_most", "there is no unit `stars`", "`points`"
    ),
    "limit of another unit": Case(
        "units: {a: {}, b: {}}\n" + RULE + "unit: a, at_most: 5 b per day}",
        3, "earning[0].at_most", "the limit counts b, and the rule gives a", "count a here",
    ),
    "limit of nothing": Case(RULE + "at_most: 0 per day}", 2, "earning[0].at_most", "the limit is 0", "above 0"),
    "unknown measure": Case("tiers: {measure: spent}", 1, "tiers.measure", "`spent` is neither `spend`, `orders`, `visits` nor a unit", "`spend`?"),
    "tier twice": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: a, from: 5}", 8, "tiers.levels[1].id", "a tier `a` stands already", "once"
    ),
    "first level above 0": Case(LEVELS + "    - {id: a, from: 1}", 7, "tiers.levels[0].from", "begins at 1", "begin at 0"),
    "thresholds fall": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: b, from: 350}\n    - {id: c, from: 300}",
        9, "tiers.levels[2].from", "300 is not above the 350 of the level before", "thresholds rise",
    ),
    "threshold not exact": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: b, from: 1.001}", 8, "tiers.levels[1].from", "too many decimals", "EUR"
    ),
    "reward twice": Case(
        REWARD + "gives: {item: x}}\n  - {id: r, price: 1 points, gives: {item: x}}",
        3, "rewards[1].id", "a reward `r` stands already in line 2", "once",
    ),
    "reward for nothing": Case("rewards:\n  - {id: r, price: 0 points, gives: {item: x}}", 2, "rewards[0].price", "is 0", "above 0"),
    "reward of nothing": Case(REWARD + "gives: {money_off: 0.00}}", 2, "rewards[0].gives.money_off", "`money_off` is 0", "above 0"),
    "reward in an unknown unit": Case(
        "rewards:\n  - {id: r, price: 5 pts, gives: {item: x}}", 2, "rewards[0].price", "there is no unit `pts`", "`points`?"
    ),
    "item that needs a purchase": Case(
        REWARD + "gives: {item: x}, needs_purchase_of: 5.00}",
        2, "rewards[0].needs_purchase_of", "an item is handed over without a purchase", "leave this out",
    ),
    # Earning in other ways
    "kinds of amount together": Case(
        VISIT + "by_streak: [1, 2]}", 2, "earning[0]", "`earn` and `by_streak` stand here", "just one: `earn`, `bands`"
    ),
    "activity of no kind": Case(
        "earning:\n  - {id: r, on: activity, earn: 1}", 2, "earning[0]", "which kind of activity does not", "`kind: workout`"
    ),
    "kind of a sale": Case(RULE + "kind: run}", 2, "earning[0].kind", "`kind` needs an activity", "`on: activity`"),
    "bands of visits": Case(
        "earning:\n  - {id: r, on: check_in, bands: [{up_to: 5, earn: 1}, {earn: 2}]}",
        2, "earning[0].bands[0]", "`bands` needs a sale", "`on: sale`",
    ),
    "streak of sales": Case(
        "earning:\n  - {id: r, on: sale, by_streak: [1, 2]}", 2, "earning[0].by_streak[0]", "`by_streak` needs a visit", "check_in"
    ),
    "field of a sale": Case(
        "earning:\n  - {id: r, on: sale, by: {field: a, table: {b: 1}}}", 2, "earning[0].by", "`by` needs an activity", "leave"
    ),
    "each of visits": Case(VISIT + "each: item}", 2, "earning[0].each", "`each` needs a sale or an activity", "`on: activity`"),
    "each of what a sale has not": Case(RULE + "each: quantity}", 2, "earning[0].each", "a sale brings no `quantity`", "each: item"),
    "each and per": Case(RULE + "each: item, per: 1.00}", 2, "earning[0].each", "without `per`", "keep one of the ways"),
    "each by tier": Case(
        "earning:\n  - {id: r, on: sale, earn: {gold: 1}, each: item}", 2, "earning[0].each", "one number in `earn`", "keep one"
    ),
    "per with bands": Case(
        BANDS + "      - {up_to: 5, earn: 1}\n      - {earn: 2}\n    per: 1", 7, "earning[0].per", "`per` goes with `earn`", "leave"
    ),
    "by tier without per": Case(
        "earning:\n  - {id: r, on: sale, earn: {gold: 1}}", 2, "earning[0]", "`per` is missing", "`per: 1.00`"
    ),
    "by a tier that is none": Case(
        "earning:\n  - {id: r, on: sale, per: 1, earn: {golden: 1}}", 2, "earning[0].earn.golden", "no tier `golden`", "`gold`?"
    ),
    "nothing in a tier": Case(
        "earning:\n  - {id: r, on: sale, per: 1, earn: {gold: 0}}", 2, "earning[0].earn.gold", "the rule gives is 0", "above 0"
    ),
    "one band": Case(BANDS + "      - {earn: 2}", 5, "earning[0].bands", "a list of 1 stands here", "a list of 2 to 50"),
    "bands fall": Case(
        BANDS + "      - {up_to: 60, earn: 1}\n      - {up_to: 60.00, earn: 2}\n      - {earn: 3}",
        6, "earning[0].bands[1].up_to", "60.00 is not above the band before", "the bands rise",
    ),
    "band without end amid others": Case(
        BANDS + "      - {earn: 1}\n      - {up_to: 60, earn: 2}\n      - {earn: 3}",
        5, "earning[0].bands[0]", "a band without `up_to` has no end, and more follow", "put it last",
    ),
    "bands that end": Case(
        BANDS + "      - {up_to: 30, earn: 1}\n      - {up_to: 60, earn: 2}",
        6, "earning[0].bands[1].up_to", "the last band ends here", "leave out its `up_to`",
    ),
    "streak of nothing": Case(
        "earning:\n  - {id: r, on: check_in, by_streak: [1, 0]}", 2, "earning[0].by_streak[1]", "gives is 0", "above 0"
    ),
    "value worth a fraction": Case(
        WORKOUT + "by: {field: a, table: {b: 1.5}}}", 2, "earning[0].by.table.b", "1.5 has too many decimals", "no decimals"
    ),
    "location of an activity": Case(
        WORKOUT + "earn: 1, locations: [x]}", 2, "earning[0].locations[0]", "`locations` needs a sale or a visit", "check_in"
    ),
    "quantity of a visit": Case(
        VISIT + "quantity_from: 2}", 2, "earning[0].quantity_from", "`quantity_from` needs an activity", "leave out"
    ),
    "quantity from nothing": Case(
        WORKOUT + "earn: 1, quantity_from: 0}", 2, "earning[0].quantity_from", "`quantity_from` is 0", "above 0"
    ),
    "fields of a sale": Case(RULE + "fields: {a: b}}", 2, "earning[0].fields.a", "`fields` needs an activity", "leave out"),
    "field that is nothing": Case(WORKOUT + "earn: 1, fields: {mail: null}}", 2, "earning[0].fields.mail", "`null`", "`true` or `false`"),
    "no such day": Case(RULE + "days: [2026-02-30]}", 2, "earning[0].days[0]", "`2026-02-30` does not fit", "`2026-03-28`"),
    "rule on no day": Case(RULE + "days: []}", 2, "earning[0].days", "a list of 0 stands here", "a list of 1"),
    "days that end before they begin": Case(
        RULE + "days: [2026-03-02 to 2026-03-01]}", 2, "earning[0].days[0]", "2026-03-01 is before 2026-03-02", "first day"
    ),
    "birthday no": Case(RULE + "birthday_month: no}", 2, "earning[0].birthday_month", "`no` is unknown", "`yes`"),
    "first visit": Case(VISIT + "first_in_month: yes}", 2, "earning[0].first_in_month", "needs a sale", "leave out"),
    "shared without a limit": Case(VISIT + "shared: a}", 2, "earning[0].shared", "`shared` is about a limit", "`at_most`"),
    "beyond without a limit": Case(VISIT + "beyond: refused}", 2, "earning[0].beyond", "is about a limit", "`at_most`"),
    "sale refused": Case(
        RULE + "at_most: 1 per day, beyond: refused}", 2, "earning[0].beyond", "needs a visit or an activity", "leave out"
    ),
    "refused by units": Case(
        VISIT + "at_most: 5 points per day, beyond: refused}", 2, "earning[0].beyond", "only a limit of times", "`1 per day`"
    ),
    "shared limits that differ": Case(
        VISIT + "at_most: 1 per day, shared: a}\n  - {id: s, on: check_in, earn: 1, at_most: 2 per day, shared: a}",
        3, "earning[1].at_most", "the limit `a` is another one in line 2", "say the same",
    ),
    "limits that meet": Case(
        VISIT + "at_most: 1 per day}\n  - {id: s, on: check_in, earn: 1, at_most: 1 per day, shared: r}",
        3, "earning[1].shared", "`r` names a shared limit, and in line 2 already a rule with a limit", "another name",
    ),
    # Promotions
    "promotion twice": Case(
        PROMOTION + "multiply: 2}\n  - {id: p, multiply: 3}", 4, "promotions[1].id", "a promotion `p` stands already", "once"
    ),
    "promotion called like a rule": Case(
        "earning: [{id: p, on: sale, earn: 1, per: 1.00}]\npromotions:\n  - {id: p, multiply: 2}",
        3, "promotions[0].id", "`p` is the rule in line 1", "another id",
    ),
    "promotion in an unknown unit": Case(
        PROMOTION + "multiply: 2, unit: point}", 3, "promotions[0].unit", "there is no unit `point`", "`points`?"
    ),
    "promotion of which unit": Case(
        "units: {a: {}, b: {}}\npromotions:\n  - {id: p, multiply: 2}", 3, "promotions[0]", "`p` does not say which unit", "`b`"
    ),
    "promotion of what has no rate": Case(
        VISIT + "}\npromotions:\n  - {id: p, multiply: 2}", 4, "promotions[0]", "no rule gives points at a rate", "`per`"
    ),
    "promotion for an unknown tier": Case(
        PROMOTION + "multiply: 2, tiers: [vip]}", 3, "promotions[0].tiers[0]", "there is no tier `vip`", "tiers here"
    ),
    "promotion of gift cards": Case(
        PROMOTION + "multiply: 2, tags: [gift-card]}", 3, "promotions[0].tags[0]", "`gift-card` never earn", "other tags"
    ),
    "promotion that ends first": Case(
        PROMOTION + "multiply: 2, days: [2026-03-02 to 2026-03-01]}", 3, "promotions[0].days[0]", "is before", "the last"
    ),
    "promotion of nothing": Case(
        PROMOTION + "multiply: 1}", 3, "promotions[0].multiply", "times 1 gives nothing more", "above 1"
    ),
    # Units and rewards
    "expires at the wrong end": Case(
        "units: {points: {expires: end of week}}", 1, "units.points.expires", "`end of week` is unknown", "`end of year`"
    ),
    "turns into an unknown reward": Case(
        TURNS + "{reward: mugs, every: 9}}", 3, "units.points.turns_into.reward", "there is no reward `mugs`", "`mug`?"
    ),
    "turns at nothing": Case(TURNS + "{reward: mug, every: 0}}", 3, "units.points.turns_into.every", "`every` is 0", "above 0"),
    "turns at a fraction": Case(
        TURNS + "{reward: mug, every: 1.5}}",
        3, "units.points.turns_into.every", "1.5 has too many decimals", "points has no decimals",
    ),
    "turns into units": Case(
        "rewards: [{id: mug, gives: {units: 5 points}}]\nunits:\n  points: {turns_into: {reward: mug, every: 9}}",
        3, "units.points.turns_into.reward", "units turn into a voucher, and `mug` gives units", "money off",
    ),
    "gift without a limit": Case(
        "rewards:\n  - {id: r, gives: {item: x}}", 2, "rewards[0]", "the reward `r` costs nothing", "its `price`, or a `limit`"
    ),
    "percent without a sign": Case(REWARD + "gives: {percent_off: 10}}", 2, "rewards[0].gives.percent_off", "`10`", "`10 %`"),
    "more than all": Case(
        REWARD + "gives: {percent_off: 100.5 %}}", 2, "rewards[0].gives.percent_off", "100.5 % cannot be taken off", "100 %"
    ),
    "no per cent": Case(REWARD + "gives: {percent_off: 0 %}}", 2, "rewards[0].gives.percent_off", "0 % cannot", "above 0 %"),
    "gives an unknown unit": Case(
        REWARD + "gives: {units: 5 stars}}", 2, "rewards[0].gives.units", "there is no unit `stars`", "`points`"
    ),
    "limit in units": Case(
        REWARD + "gives: {item: x}, limit: 5 points per year}", 2, "rewards[0].limit", "does not fit", "`1 per year`"
    ),
    "choice without a limit": Case(
        REWARD + "gives: {item: x}, choose_one: a}", 2, "rewards[0].choose_one", "a choice needs a limit", "`limit: 1 per year`"
    ),
    "choices that differ": Case(
        REWARD + "gives: {item: x}, limit: 1 per year, choose_one: a}\n"
        "  - {id: s, price: 5 points, gives: {item: x}, limit: 1 per month, choose_one: a}",
        3, "rewards[1].limit", "the limit `a` is another one in line 2", "say the same",
    ),
    "unknown season": Case(REWARD + "gives: {item: x}, season: birth month}", 2, "rewards[0].season", "`birth month` is unknown", "`birthday month`?"),
    "item on a sale": Case(
        REWARD + "gives: {item: x}, limit: 1 per transaction}",
        2, "rewards[0].limit", "an item is handed over without a purchase", "leave",
    ),
    "units that need a purchase": Case(
        REWARD + "gives: {units: 9 points}, needs_purchase_of: 5}",
        2, "rewards[0].needs_purchase_of", "units are put on the card without a purchase", "leave this out",
    ),
    "units that are valid": Case(
        REWARD + "gives: {units: 9 points}, valid: 9 days}", 2, "rewards[0].valid", "without a voucher", "leave this key out"
    ),
    # More about units
    "counter that expires": Case(UNITS + "counter: yes, expires: same day}", 2, "units.points.expires", "a counter only counts, so it never expires", "leave out `expires`"),
    "counter that waits": Case(UNITS + "counter: yes, pending: 3 days after a sale}", 2, "units.points.pending", "a counter only counts", "leave out `counter`"),
    "counter that pays": Case(UNITS + "counter: yes, pays: {units: 1, money: 1}}", 2, "units.points.pays", "so it pays for nothing", "leave out `pays`"),
    "counter that turns": Case(
        TURNS + "{reward: mug, every: 9}, counter: yes}", 3, "units.points.turns_into", "so it turns into nothing", "leave out"
    ),
    "counter as a price": Case(
        UNITS + "counter: yes}\n" + REWARD + "gives: {item: x}}", 4, "rewards[0].price", "points is a counter", "that can be spent"
    ),
    "counter: no": Case(UNITS + "counter: no}", 2, "units.points.counter", "`no` is unknown", "`yes`"),
    "waiting without a sale": Case(UNITS + "pending: 30 days}", 2, "units.points.pending", "`30 days` does not fit", "`30 days after a sale`"),
    "years without a day": Case(
        UNITS + "expires: {after: 1 year, years_after: 2}}", 2, "units.points.expires.years_after", "goes with `on`", "`on: 3 January`"
    ),
    "no such day of the year": Case(UNITS + "expires: {on: 31 June}}", 2, "units.points.expires.on", "`31 June` does not fit", "`15 June`"),
    "extended inactivity": Case(
        UNITS + "expires: {after_inactivity: 1 year, extended_by_activity: 1 month}}",
        2, "units.points.expires.extended_by_activity", "begins the time anew", "leave out",
    ),
    "expires in an unknown tier": Case(UNITS + "expires: {after: 1 year, tiers: [vip]}}", 2, "units.points.expires.tiers[0]", "no tier `vip`", "`bronze`"),
    "pays nothing": Case(UNITS + "pays: {units: 100, money: 0}}", 2, "units.points.pays.money", "`money` is 0", "above 0"),
    "pays with nothing": Case(UNITS + "pays: {units: 0, money: 1}}", 2, "units.points.pays.units", "`units` is 0", "above 0"),
    "pays no share": Case(UNITS + "pays: {units: 1, money: 1, at_most: 0 %}}", 2, "units.points.pays.at_most", "such a share", "above 0 %"),
    "pays in no steps": Case(UNITS + "pays: {units: 1, money: 1, multiples_of: 0}}", 2, "units.points.pays.multiples_of", "is 0", "above 0"),
    "windows overlap": Case(
        TURNS + "{reward: mug, every: 9, windows: [{months: October to January, issued: 1 March},\n"
        "    {months: January to May, issued: 1 June}]}}",
        4, "units.points.turns_into.windows[1].months", "January lies in the window of line 3 already", "one window",
    ),
    "months in small letters": Case(
        TURNS + "{reward: mug, every: 9, windows: [{months: may, issued: 1 March}]}}",
        3, "units.points.turns_into.windows[0].months", "`may` does not fit", "English names",
    ),
    "blocks without windows": Case(
        TURNS + "{reward: mug, every: 9, at_most: 5 per year}}",
        3, "units.points.turns_into.at_most", "a limit goes with `windows`", "write `windows`",
    ),
    "blocks a day": Case(
        TURNS + "{reward: mug, every: 9, windows: [{months: May, issued: 1 June}], at_most: 5 per day}}",
        3, "units.points.turns_into.at_most", "blocks are not limited per day", "`5 per window`",
    ),
    "blocks twice": Case(
        TURNS + "{reward: mug, every: 9, windows: [{months: May, issued: 1 June}], at_most: [5 per year, 6 per year]}}",
        3, "units.points.turns_into.at_most[1]", "a limit per year stands already", "keep one",
    ),
    # More about earning
    "two rates": Case(
        RULE + "per: 1.00}\n  - {id: s, on: sale, earn: 1, per: 2.00}",
        3, "earning[1]", "a line may meet `s` and `r` of line 2", "write `adds: yes` here if it does",
    ),
    "two rates for tags that may both be there": Case(
        RULE + "per: 1.00}\n  - {id: s, on: sale, earn: 1, per: 2.00, tags: [coffee]}",
        3, "earning[1]", "it is not said whether it earns by both", "`not_tags`",
    ),
    "adds to nothing": Case(RULE + "per: 1.00, adds: yes}", 2, "earning[0].adds", "there is nothing to add to", "leave `adds` out"),
    "adds without a rate": Case(RULE + "adds: yes}", 2, "earning[0].adds", "`adds` goes with `per`", "`per: 1.00`"),
    "rest with a limit": Case(
        RULE + "per: 1.00, rest: carried on, at_most: 5 per day}",
        2, "earning[0].at_most", "does not go with `rest: carried on`", "leave one of the two out",
    ),
    "credit of what nobody knows later": Case(
        "credits: [{id: c, unit: points, earn: 1, per: 1, period: calendar year, credited: 28 days after, first_ever: yes}]",
        1, "credits[0].first_ever", "nobody knows `first_ever` any more", "leave it out",
    ),
    "rest without a rate": Case(RULE + "rest: carried on}", 2, "earning[0].rest", "`rest` goes with `per`", "`per: 1.00`"),
    "every without each": Case(WORKOUT + "earn: 1, every: 5}", 2, "earning[0].every", "`every` goes with `each`", "`each: quantity`"),
    "every half": Case(WORKOUT + "earn: 1, each: quantity, every: 0.5}", 2, "earning[0].every", "0.5 has too many decimals", "no decimals"),
    "every item": Case(RULE + "each: item, every: 5}", 2, "earning[0].every", "`every` needs an activity", "leave out"),
    "cooldown of nothing": Case(VISIT + "again_after: 0 hours}", 2, "earning[0].again_after", "`0 hours` does not fit", "`4 hours`"),
    "cooldown of joining": Case(
        "earning:\n  - {id: r, on: join, earn: 1, again_after: 4 hours}", 2, "earning[0].again_after", "needs a sale or a visit or an activity", "leave"
    ),
    "fee of a visit": Case(VISIT + "fee: {units: 1, fields: {a: b}}}", 2, "earning[0].fee", "`fee` needs an activity", "leave out"),
    "fee of nothing": Case(WORKOUT + "earn: 1, fee: {units: 0, fields: {a: b}}}", 2, "earning[0].fee.units", "is 0", "above 0"),
    "sizes fall": Case(
        WORKOUT + "by_size: {steps: [{from: 50, earn: 1}, {from: 30, earn: 2}]}}",
        2, "earning[0].by_size.steps[1].from", "30 is not above the step before", "the steps rise",
    ),
    "size of a sale": Case(
        "earning:\n  - {id: r, on: sale, by_size: {steps: [{from: 5, earn: 1}]}}", 2, "earning[0].by_size", "needs an activity", "leave"
    ),
    "gives an unknown reward": Case(VISIT + "reward: mug}", 2, "earning[0].reward", "there is no reward `mug`", "no rewards here"),
    "gives units and a reward": Case(
        VISIT + "reward: r, unit: points}\n" + REWARD + "gives: {item: x}}", 2, "earning[0].unit", "`unit` and `reward` stand here", "one"
    ),
    "half a voucher": Case(
        "earning:\n  - {id: r, on: check_in, earn: 0.5, reward: r}\n" + REWARD + "gives: {item: x}}",
        2, "earning[0].earn", "0.5 has too many decimals", "a number of vouchers has no decimals",
    ),
    "vouchers limited by units": Case(
        VISIT + "reward: r, at_most: 5 points per day}\n" + REWARD + "gives: {item: x}}",
        2, "earning[0].at_most", "gives vouchers, not units", "`1 per day`",
    ),
    "limit of a window without days": Case(RULE + "at_most: 5 points per window}", 2, "earning[0].at_most", "it has none", "write `days`"),
    "once a transaction": Case(RULE + "at_most: 1 per transaction}", 2, "earning[0].at_most", "only once for one event", "count units"),
    "unknown weekday": Case(RULE + "weekdays: [Mondag]}", 2, "earning[0].weekdays[0]", "`Mondag` is unknown", "`Monday`?"),
    "unknown partner": Case(RULE + "partners: [cinema]}", 2, "earning[0].partners[0]", "there is no partner `cinema`", "no partners here"),
    "unknown segment": Case(RULE + "segments: [old]}", 2, "earning[0].segments[0]", "there is no segment `old`", "no segments here"),
    "unknown membership": Case(RULE + "memberships: [payed]}", 2, "earning[0].memberships[0]", "`payed` is unknown", "`paid`?"),
    "membership without plans": Case(RULE + "memberships: [paid]}", 2, "earning[0].memberships[0]", "nobody is ever `paid`", "add `membership.plans`"),
    "trial without one": Case(PLAN + RULE + "memberships: [trial]}", 4, "earning[0].memberships[0]", "no trial", "`membership.trial`"),
    "verified without a proof": Case(PLAN + RULE + "memberships: [verified]}", 4, "earning[0].memberships[0]", "nobody is ever `verified`", "`membership.verified`"),
    "categories of a visit": Case(VISIT + "categories: [a]}", 2, "earning[0].categories[0]", "`categories` needs a sale", "leave"),
    "days without an end": Case(RULE + "days: [2020-02-01 to]}", 2, "earning[0].days[0]", "these days have no end", "both the first and the last"),
    "days from one on": Case(RULE + "days: [from 2020-02-01]}", 2, "earning[0].days[0]", "these days have no end", "both the first and the last"),
    "days without a beginning": Case(RULE + "days: [until 2020-02-01]}", 2, "earning[0].days[0]", "these days have no beginning", "both"),
    # More about promotions
    "both kinds of multiple": Case(PROMOTION + "multiply: 2, extra: 2}", 3, "promotions[0]", "`multiply` and `extra` stand here", "just one"),
    "extra nothing": Case(PROMOTION + "extra: 0}", 3, "promotions[0].extra", "`extra` is 0", "above 0"),
    "promotion of visits": Case(PROMOTION + "multiply: 2, on: check_in}", 3, "promotions[0].on", "`check_in` is unknown", "`sale`"),
    "promotion of an activity that earns nothing": Case(
        PROMOTION + "multiply: 2, on: activity, kind: run}", 3, "promotions[0]", "no rule gives points for this activity", "of this kind"
    ),
    "promotion of an activity of no kind": Case(PROMOTION + "multiply: 2, on: activity}", 3, "promotions[0]", "which kind of activity", "`kind: workout`"),
    "tags of an activity": Case(
        WORKOUT + "earn: 1}\npromotions: [{id: p, on: activity, kind: workout, multiply: 2, tags: [a]}]",
        3, "promotions[0].tags[0]", "`tags` needs a sale, and this promotion is on `activity`", "leave out",
    ),
    # Credits and choices
    "credit of no period": Case(CREDIT + "credited: 28 days after}", 2, "credits[0]", "none of `period` and `days`", "just one"),
    "credit of days without an end": Case(
        CREDIT + "days: 2020-02-01 to, credited: 28 days after}", 2, "credits[0].days", "these days have no end", "the last day"
    ),
    "credit at no time": Case(CREDIT + "period: calendar year, credited: soon}", 2, "credits[0].credited", "`soon`", "`first Monday of March`"),
    "credit on a fifth Monday": Case(
        CREDIT + "period: calendar year, credited: fifth Monday of March}", 2, "credits[0].credited", "does not fit", "`first Monday of March`"
    ),
    "credit in another unit": Case(
        "units: {points: {}, stars: {}}\n" + CREDIT + f"unit: stars, at_most: 5 points, {YEAR}}}",
        3, "credits[0].at_most", "the limit counts points, and the credit gives stars", "count stars",
    ),
    "exempt from nothing": Case(CREDIT + f"join_year: exempt, {YEAR}}}", 2, "credits[0].join_year", "is about a minimum", "write `minimum`"),
    "exempt days": Case(
        CREDIT + "join_year: exempt, minimum: 5, days: 2020-02-01, credited: 28 days after}",
        2, "credits[0].join_year", "no year of joining", "leave `join_year` out",
    ),
    "credit called like a rule": Case(
        RULE + "}\ncredits: [{id: r, earn: 1, per: 1, " + YEAR + "}]", 3, "credits[0].id", "`r` is the rule in line 2", "another id"
    ),
    "option that no rule knows": Case(POTS + "options: [credit, mask]}", 4, "choices[0].options[1]", "no rule on `pots` looks for `mask`", "`fields: {choice: mask}`"),
    "rule for what is no option": Case(
        "earning:\n  - {id: a, on: activity, kind: pots, earn: 1, fields: {choice: credit}}\n"
        "  - {id: b, on: activity, kind: pots, earn: 1, fields: {choice: mask}}\n"
        "  - {id: c, on: activity, kind: pots, earn: 1, fields: {choice: masc}}\n"
        "choices: [{kind: pots, field: choice, options: [credit, mask]}]",
        4, "earning[2].fields.choice", "`masc` is not one of the options", "`mask`?",
    ),
    "one option": Case(POTS + "options: [credit]}", 4, "choices[0].options", "a list of 1 stands here", "a list of 2"),
    "two choices": Case(
        POTS + "options: [credit, mask]}\n  - {kind: pots, field: other, options: [a, b]}", 5, "choices[1].kind", "has a choice already in line 4", "one field"
    ),
    # More about tiers
    "tiers of nothing said": Case(TIERS + "  period: last 12 months", 2, "tiers", "none of `valid` and `worked_out`", "just one"),
    "rest of a stretch": Case(
        TIERS + "  period: last 12 months\n  valid: rest of the year", 5, "tiers.valid", "needs a year", "`period: calendar year`"
    ),
    "as long as a year": Case(
        TIERS + "  period: calendar year\n  valid: as long as it is reached", 5, "tiers.valid", "gone on its first day", "`last 12 months`"
    ),
    "worked out but never in force": Case(
        TIERS + "  period: last 12 months\n  worked_out: at the end of the month", 5, "tiers.worked_out", "goes with `in_force_from`", "`in_force_from: day 8 of the next`"
    ),
    "in force on the 31st": Case(
        TIERS + "  period: last 12 months\n  worked_out: at the end of the month\n  in_force_from: day 31 of the next",
        6, "tiers.in_force_from", "does not fit", "a day up to 28",
    ),
    "in force but never worked out": Case(
        TIERS + "  period: last 12 months\n  valid: 12 months\n  in_force_from: day 8 of the next", 6, "tiers.in_force_from", "goes with `worked_out`", "write both"
    ),
    "grace without a validity": Case(
        TIERS + "  period: last 12 months\n  valid: as long as it is reached\n  grace: 1 month", 6, "tiers.grace", "these tiers have none", "leave `grace` out"
    ),
    "unknown period": Case(TIERS + "  period: 12 months\n  valid: 12 months", 4, "tiers.period", "`12 months` does not fit", "`last 12 months`"),
    "from and by": Case(LEVELS + "    - {id: a, from: 0, by: invitation}", 7, "tiers.levels[0]", "`from` and `by` stand here", "just one"),
    "first by invitation": Case(LEVELS + "    - {id: a, by: invitation}", 7, "tiers.levels[0].by", "where every member starts", "`from: 0`"),
    "invitation amid others": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: b, by: invitation}\n    - {id: c, from: 5}",
        9, "tiers.levels[2].from", "the one before is by invitation", "put it before",
    ),
    "first by a purchase": Case(LEVELS + "    - {id: a, from: any purchase}", 7, "tiers.levels[0].from", "begins at any purchase", "begin at 0"),
    "purchase twice": Case(
        LEVELS + "    - {id: a, from: 0}\n    - {id: b, from: any purchase}\n    - {id: c, from: any purchase}",
        9, "tiers.levels[2].from", "any purchase is not above the any purchase", "thresholds rise",
    ),
    "purchase of points": Case(
        "tiers:\n  measure: points\n  period: last 12 months\n  valid: 1 year\n  levels: [{id: a, from: 0}, {id: b, from: any purchase}]",
        5, "tiers.levels[1].from", "a purchase is no measure of these tiers", "measure `spend`",
    ),
    "usable of nothing": Case(
        "tiers:\n  measure: {usable: stars}\n  period: last 12 months\n  valid: 1 year\n  levels: [{id: a, from: 0}]",
        2, "tiers.measure.usable", "there is no unit `stars`", "`points`",
    ),
    "half a visit": Case(
        "tiers:\n  measure: visits\n  period: last 12 months\n  valid: 1 year\n  levels: [{id: a, from: 0}, {id: b, from: 1.5}]",
        5, "tiers.levels[1].from", "1.5 has too many decimals", "a number of visits has no decimals",
    ),
    "segment of everybody": Case("segments:\n  a: {over: last 2 months}", 2, "segments.a", "takes in everybody", "write a `measure`"),
    "segment of how much": Case("segments:\n  a: {measure: spend}", 2, "segments.a", "how much of it", "`at_least` or `at_most`"),
    "segment of what": Case("segments:\n  a: {at_least: 5, tiers: [gold]}", 2, "segments.a.at_least", "of what does not stand here", "`measure`"),
    "segment of nobody": Case(
        "segments:\n  a: {measure: spend, at_least: 5, at_most: 4}", 2, "segments.a.at_most", "nobody is in it", "the smaller number"
    ),
    "carried to an unknown tier": Case("carry_over: {tiers: {vip: golden}}", 1, "carry_over.tiers.vip", "there is no tier `golden`", "`gold`?"),
    # More about rewards, and gifts
    "by itself at no time": Case(GIFT + "by_itself: yes, limit: 1 per year}", 2, "rewards[0].by_itself", "when it is given", "write a `season`"),
    "by itself for a price": Case(
        REWARD + "gives: {item: x}, by_itself: yes, season: birthday}", 2, "rewards[0].by_itself", "here stands `price`", "leave `price` out"
    ),
    "by itself and chosen": Case(
        GIFT + "by_itself: yes, season: birthday, limit: 1 per year, choose_one: a}", 2, "rewards[0].by_itself", "here stands `choose_one`", "leave"
    ),
    "valid in no season": Case(REWARD + "gives: {item: x}, valid: season}", 2, "rewards[0].valid", "this reward has no season", "write `season`"),
    "season of days in no tier": Case(
        GIFT + "limit: 1 per year, season: {from: birthday, days: {vip: 7}}}", 2, "rewards[0].season.days.vip", "there is no tier `vip`", "tiers here"
    ),
    "season of no days": Case(
        GIFT + "limit: 1 per year, season: {from: birthday, days: 0}}", 2, "rewards[0].season.days", "`0` does not fit", "from 1 to 366"
    ),
    "stock of none": Case(REWARD + "gives: {item: x}, stock: 0}", 2, "rewards[0].stock", "`0` does not fit", "a whole number from 1"),
    "reward with windows": Case(REWARD + "gives: {item: x}, limit: 1 per window}", 2, "rewards[0].limit", "a reward has no windows", "`per year`"),
    "limit twice": Case(
        REWARD + "gives: {item: x}, limit: [1 per year, 2 per year]}", 2, "rewards[0].limit[1]", "a limit per year stands already", "one"
    ),
    "tags of money": Case(REWARD + "gives: {money_off: 5, tags: [a]}}", 2, "rewards[0].gives.tags[0]", "say which items are free", "write `item`"),
    "share by an unknown tier": Case(
        REWARD + "gives: {percent_off: {vip: 10 %}}}", 2, "rewards[0].gives.percent_off.vip", "there is no tier `vip`", "tiers here"
    ),
    "share of nothing in a tier": Case(
        REWARD + "gives: {percent_off: {gold: 0 %}}}", 2, "rewards[0].gives.percent_off.gold", "0 % cannot be taken off", "above 0 %"
    ),
    "more than all in a tier": Case(
        REWARD + "gives: {percent_off: {silver: 0 %, gold: 101 %}}}",
        2, "rewards[0].gives.percent_off.gold", "101 % cannot be taken off", "100 %",
    ),
    "donation to nobody": Case(REWARD + "gives: {donation: sea}}", 2, "rewards[0].gives.donation", "there is no cause `sea`", "no causes here"),
    "donation of nothing": Case(
        "causes: {sea: The sea}\nrewards:\n  - {id: r, gives: {donation: sea}, limit: 1 per year}", 3, "rewards[0]", "a donation gives its price", "write `price"
    ),
    "turns into a donation": Case(
        "causes: {sea: The sea}\nrewards: [{id: mug, price: 9 points, gives: {donation: sea}}]\nunits:\n  points: {turns_into: {reward: mug, every: 9}}",
        4, "units.points.turns_into.reward", "`mug` gives to a good cause", "money off",
    ),
    "gift of nothing": Case("gifts: {birthday: {name: X}}", 1, "gifts.birthday", "none of `earn` and `reward`", "just one"),
    "gift of an unknown reward": Case("gifts: {birthday: {reward: cake}}", 1, "gifts.birthday.reward", "there is no reward `cake`", "no rewards here"),
    "two gifts without ids": Case(
        "gifts: {birthday: [{earn: 1 points}, {earn: 2 points}]}", 1, "gifts.birthday[1]", "a gift `birthday` stands already", "once"
    ),
    "gift for an unknown tier": Case("gifts: {tiers: {vip: {earn: 1 points}}}", 1, "gifts.tiers.vip", "there is no tier `vip`", "tiers here"),
    "gift for a tier twice": Case(
        "gifts: {tiers: {gold: {earn: 1 points, tiers: [gold]}}}", 1, "gifts.tiers.gold.tiers[0]", "stands above it", "leave `tiers` out"
    ),
    # Challenges, contests, partners
    "challenge over nothing": Case(CHALLENGE + "measure: runs, goal: 5, badge: b}", 2, "challenges[0].measure", "`runs` is neither", "measures here"),
    "challenge for nothing": Case(CHALLENGE + "measure: points, goal: 5}", 2, "challenges[0]", "the challenge `c` gives nothing", "write a `badge`"),
    "challenge of a lifetime of visits": Case(
        CHALLENGE + "measure: visits, goal: 5, badge: b}", 2, "challenges[0].measure", "only units are counted", "`per: year`"
    ),
    "challenge of a lifetime of runs": Case(
        CHALLENGE + "measure: {activity: run}, goal: 5, badge: b, per: lifetime}", 2, "challenges[0].measure", "only units", "`counter: yes`"
    ),
    "challenge at no distance": Case(CHALLENGE + "measure: points, goal: 0, badge: b}", 2, "challenges[0].goal", "the goal is 0", "above 0"),
    "challenge in two times": Case(
        CHALLENGE + "measure: visits, goal: 5, badge: b, per: week, days: 2026-03-01}", 2, "challenges[0].per", "`per` and `days` stand here", "one"
    ),
    "challenge for an unknown reward": Case(
        CHALLENGE + "measure: points, goal: 5, rewards: [mug]}", 2, "challenges[0].rewards[0]", "there is no reward `mug`", "no rewards"
    ),
    "contest twice": Case(
        "contests:\n  - {id: c, measure: spend, days: 2026-03-01}\n  - {id: c, measure: spend, days: 2026-03-01}",
        3, "contests[1].id", "a contest `c` stands already", "once",
    ),
    "contest without an end": Case("contests:\n  - {id: c, measure: spend, days: 2026-03-01 to}", 2, "contests[0].days", "have no end", "the last day"),
    "location of two partners": Case(
        PARTNER + "  b: {locations: [y], pays: 1, per: 100 points}", 3, "partners.b.locations[0]", "`y` stands at the partner `a` already, in line 2", "one partner"
    ),
    "location twice": Case("partners: {a: {locations: [x, x], pays: 1, per: 1 points}}", 1, "partners.a.locations[1]", "already", "once"),
    "partner that pays nothing": Case("partners: {a: {locations: [x], pays: 0, per: 1 points}}", 1, "partners.a.pays", "`pays` is 0", "above 0"),
    # Benefits and memberships
    "guests with tiers": Case(BENEFITS + "shipping: [{guests: yes, tiers: [gold], fee: 5}]", 2, "benefits.shipping[0].tiers[0]", "`guests` have no `tiers`", "one entry for each"),
    "guests who are members": Case(BENEFITS + "returns: [{guests: yes, members: yes, days: 5}]", 2, "benefits.returns[0].members", "`guests` have no `members`", "each"),
    "shipping for nobody": Case(
        BENEFITS + "shipping:\n    - {fee: 5}\n    - {members: yes, fee: 0}", 4, "benefits.shipping[1]", "the one of line 3 is for everybody", "last"
    ),
    "free from and free": Case(BENEFITS + "shipping: [{fee: 0, free_from: 50}]", 2, "benefits.shipping[0].free_from", "from the first cent on", "leave"),
    "price twice": Case(
        BENEFITS + "prices:\n    - {id: p, percent_off: 5 %}\n    - {id: p, percent_off: 5 %}", 4, "benefits.prices[1].id", "a price `p` stands already", "once"
    ),
    "price of a tag that is left out": Case(
        BENEFITS + "prices: [{id: p, percent_off: 5 %, tags: [a], not_tags: [a]}]", 2, "benefits.prices[0].tags[0]", "in `tags` and in `not_tags`", "one"
    ),
    "price of nothing off": Case(BENEFITS + "prices: [{id: p, percent_off: 0 %}]", 2, "benefits.prices[0].percent_off", "0 % cannot", "above 0 %"),
    "returns said in two ways": Case(BENEFITS + "returns: [{days: 5, refused: yes}]", 2, "benefits.returns[0].refused", "it is said how", "one of the two"),
    "returns of nothing said": Case(BENEFITS + "returns: [{members: yes}]", 2, "benefits.returns[0]", "says nothing about returns", "`days`"),
    "worn by the month": Case(
        BENEFITS + "returns: [{worn: {days: 30, at_most: 2 per month}}]", 2, "benefits.returns[0].worn.at_most", "counted by the year", "`2 per year`"
    ),
    "access for everybody": Case(BENEFITS + "access: [{tags: [event]}]", 2, "benefits.access[0]", "open to everybody", "`members: yes`"),
    "plan without a fee": Case("membership:\n  plans: {annual: {every: 1 year}}", 2, "membership.plans.annual", "`fee` is missing", "an amount of money"),
    "plan for nothing": Case("membership:\n  plans: {annual: {fee: 0}}", 2, "membership.plans.annual.fee", "the fee is 0", "above 0"),
    "trial of a lifetime": Case(
        "membership:\n  plans: {life: {fee: 30}}\n  trial: 30 days", 3, "membership.trial", "there is none", "`every: 1 month`"
    ),
    "trial of a month": Case(PLAN + "  trial: 1 month", 3, "membership.trial", "`1 month` does not fit", "`30 days`"),
    "plans and a proof": Case(PLAN + "  verified: {id: a}", 3, "membership.verified", "a member has one membership", "one of the two"),
    "reminder of no end": Case("membership:\n  verified: {id: a, reminder: 30 days before}", 2, "membership.verified.reminder", "there is none", "`days`"),
    "reminder before the beginning": Case(
        "membership:\n  verified: {id: a, days: 30, reminder: 30 days before}", 2, "membership.verified.reminder", "before the beginning", "less than 30"
    ),
    "unknown placeholder": Case(
        "messages:\n  welcome: {fr: {title: 'A', body: 'Hi {nam}'}}",
        2, "messages.welcome.fr.body", "{nam} is unknown", "welcome has {name}",
    ),
}  # fmt: skip


def files(path: str) -> bytes:
    return {"photo.png": b"\xff\xd8\xff\xe0", "large.png": b"\x89PNG\r\n\x1a\n" + b"0" * (512 * 1024 - 7)}[path]


def check_template(kind: str, text: str) -> Sequence[str]:
    return [f"{{nam}} is unknown; {kind} has {{name}}"] if "{nam}" in text else []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_fault_names_its_line_and_path_and_what_would_be_right(case: Case, complete: Complete) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(case.text), files=files, check_template=check_template)

    named = [fault for fault in refused.value.faults if case.found in fault.found]
    assert [(fault.line, fault.path) for fault in named] == [(case.line, case.path)], str(refused.value)
    assert case.expected in named[0].expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the file is empty; begin with `program: ` and an id"),
        ("# nothing yet", "line 1: the file is empty; begin with `program: ` and an id"),
        ("- 1", "line 1: a list stands here; here belongs a program, beginning with `program: ` and an id"),
        ("hello", "line 1: `hello` does not fit; here belongs a program, beginning with `program: ` and an id"),
    ],
)
def test_a_file_that_is_no_program_says_how_one_begins(text: str, fault: str) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text)

    assert str(refused.value) == fault


def test_a_file_says_all_that_is_missing() -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition("terms_version: 1")

    missing = [fault.found for fault in refused.value.faults]
    assert missing == [f"`{key}` is missing" for key in ("program", "name", "currency", "time_zone", "languages")]


def test_a_fault_reads_as_one_line(complete: Complete) -> None:
    levels = "    - {id: a, from: 0}\n    - {id: b, from: 350}\n    - {id: c, from: 300}"

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(LEVELS + levels))

    assert str(refused.value) == (
        "line 9, tiers.levels[2].from: 300 is not above the 350 of the level before; thresholds rise"
    )
    assert refused.value.faults[0].column == 21


def test_all_faults_come_at_once_and_in_the_order_of_the_file(complete: Complete) -> None:
    text = complete(
        "currency: EURO\n"
        "units: {points: {decimals: 9}}\n"
        "earning:\n"
        "  - {id: a, on: sail, earn: 1, tiers: [golden]}\n"
        "  - {id: b, on: sale, earn: 1, unit: stars, per: 0}\n"
        "gifts: {welcom: 5}\n"
    )

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text)

    assert [(fault.line, fault.path) for fault in refused.value.faults] == [
        (1, "currency"),
        (2, "units.points.decimals"),
        (4, "earning[0].on"),
        (4, "earning[0].tiers[0]"),
        (5, "earning[1].unit"),
        (5, "earning[1].per"),
        (6, "gifts.welcom"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "units: {points: {nam: X}}\ngifts: {welcome: {earn: 5 points}}", id="a unit with a fault is known"
        ),
        pytest.param("units: [points]\ngifts: {welcome: {earn: 5 points}}", id="units that cannot be read at all"),
        pytest.param(LEVELS + "    - {id: a, from: x}\n" + RULE + "tiers: [a]}", id="a tier with a fault is known"),
        pytest.param(LEVELS + "    - {id: A, from: 0}\n" + RULE + "tiers: [a]}", id="a tier whose id cannot be read"),
        pytest.param("tiers: none\n" + RULE + "tiers: [a]}", id="tiers that cannot be read at all"),
        pytest.param(WORKOUT + "earn: {gold: 1}}", id="activity by tier"),
        pytest.param("earning:\n  - {id: r, on: activity, kind: 5, earn: 1}", id="a kind that cannot be read"),
        pytest.param("earning:\n  - {id: r, on: sale, earn: {gold: 1}, per: x}", id="a rate that cannot be read"),
        pytest.param(VISIT + "at_most: often, shared: a, beyond: refused}", id="a limit that cannot be read"),
        pytest.param("rewards:\n  - {id: r, price: x, gives: {item: x}}", id="a price that cannot be read"),
        pytest.param("rewards:\n  - {id: r, limit: x, gives: {item: x}, choose_one: a}", id="a gift's limit"),
        pytest.param(
            "units: [points]\nearning: [{id: r, on: sale, earn: 1, per: 1}]\n"
            "promotions: [{id: p, multiply: 2, unit: points}]",
            id="a promotion in units that cannot be read",
        ),
        pytest.param(
            "partners: {a: {locations: [x], per: 1 points}}\n" + RULE + "partners: [a]}",
            id="a partner with a fault is known",
        ),
        pytest.param("partners: none\n" + RULE + "partners: [a]}", id="partners that cannot be read at all"),
        pytest.param("segments: none\n" + RULE + "segments: [a]}", id="segments that cannot be read at all"),
        pytest.param(
            "membership: {plans: {a: {every: 1 year}}}\n" + RULE + "memberships: [paid]}",
            id="a plan with a fault is known",
        ),
        pytest.param(
            "membership: {plans: {a: {fee: 1, every: x}}, trial: 30 days}", id="a plan's time that cannot be read"
        ),
        pytest.param("causes: none\n" + REWARD + "gives: {donation: a}}", id="causes that cannot be read at all"),
        pytest.param(
            RULE + "per: x}\n  - {id: s, on: sale, earn: 1, per: 1}", id="a rate that cannot be read is no second one"
        ),
        pytest.param(
            "earning: [{id: a, on: activity, kind: pots, earn: x}]\nchoices: [{kind: pots, field: f, options: [a, b]}]",
            id="a choice of rules with a fault",
        ),
        pytest.param(GIFT + "by_itself: yes, limit: 1 per year, season: x}", id="a season that cannot be read"),
        pytest.param(GIFT + "valid: season, limit: 1 per year, season: x}", id="a season that a voucher is valid for"),
        pytest.param(
            CHALLENGE + "measure: visits, goal: 1, badge: b, per: x}", id="a challenge's time that cannot be read"
        ),
        pytest.param(CHALLENGE + "measure: points, goal: 1, badge: B}", id="what a challenge gives cannot be read"),
        pytest.param("segments: {a: {measure: x, at_least: 1}}", id="a measure that there is not"),
        pytest.param("segments: {a: {measure: [], at_least: 1}}", id="a measure that cannot be read"),
        pytest.param(BENEFITS + "shipping: [{members: x, fee: 1}, {fee: 2}]", id="for whom shipping is cannot be read"),
        pytest.param(BENEFITS + "returns: [{days: x}]", id="days of returns that cannot be read"),
        pytest.param(CREDIT + "join_year: exempt, minimum: x, " + YEAR + "}", id="a minimum that cannot be read"),
        pytest.param("rewards: none\nunits: {points: {turns_into: {reward: mug, every: 9}}}", id="no rewards read"),
        pytest.param(VISIT + "per: 1}\npromotions: [{id: p, multiply: 2}]", id="a promotion of a rule with a fault"),
        pytest.param("currency: EURO\n" + RULE + "per: 1.005}", id="a currency whose decimals are unknown"),
        pytest.param("languages: english\nname: {en: A}", id="languages that cannot be read at all"),
    ],
)
def test_one_mistake_brings_one_fault(text: str, complete: Complete) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(text))

    assert len(refused.value.faults) == 1, str(refused.value)


def test_a_file_full_of_faults_is_given_up_after_a_hundred(complete: Complete) -> None:
    text = complete("\n".join(f"key{number}: 1" for number in range(500)))

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text)

    assert len(refused.value.faults) == 100


def test_a_logo_file_needs_someone_who_reads_files(complete: Complete) -> None:
    with pytest.raises(DefinitionFaults, match="line 1, brand.logo: no files come with this text"):
        read_definition(complete("brand: {logo: logo.png}"))
