"""Keeps the items of agent frameworks as messages of threads (docs/contract.md, "Items of agent frameworks").

One foreign item (message, entry, event) is one message. Its JSON text is kept unchanged in the metadata of the content,
beside the parts that Mastra shows. Adapters work through an `ItemLog`, as lists of messages leave out those of role
`system`, and make a record of each message:

* `append` adds items in one commit: all of them or none, after all that the thread has. `expects` and `also` put
  conditions and further writes into that commit.
* `latest`, `load` and `get` read items without what Mastra shows of them; `until` reads those before one of them.
* `pop` takes the newest item, which no other caller gets; `clear` and `delete_thread` take all.

`models` has the records, `log` the calls, `appending` and `reading` what they do, `folding` the results of tools.
"""

from .log import ItemLog
from .models import LoadedThread, LoadedThreads, StoredItem, check_key

__all__ = ["ItemLog", "LoadedThread", "LoadedThreads", "StoredItem", "check_key"]
