"""The vocabulary: values every layer shares, named with the exchange's words and their units.

Units are in the names, and everything that is money or quantity is an `int`:

* `…_e4`     a price: rupee × 10,000 (currency futures tick at ₹0.0025)
* `…_paise`  an amount of money: rupee × 100
* `…_qty`    units the exchange counts orders in: shares, or lots where the exchange says lots
* `…_ns`     UTC nanoseconds since 1970; Indian time exists only in labels

`InstrumentId` is the one name of an instrument; a broker's own symbol or token never leaves
its folder. `None` means "not known", never zero.
"""
