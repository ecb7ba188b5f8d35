# SPDX-License-Identifier: ISC
#
# A page serves a family: prints "section page link" for each further name that a page lists under NAME.
#
# Names of section 9 are those of kernels, which may have pages of their own; their links carry the page's prefix,
# mete_<os>_.

FNR == 1 {
	page = FILENAME
	sub(/.*\//, "", page)
	section = substr(page, length(page))
	prefix = ""
	if (section == "9" && match(page, /^mete_[a-z]*_/))
		prefix = substr(page, 1, RLENGTH)
}
$1 == ".Sh" { in_name = $2 == "NAME" }
in_name && $1 == ".Nm" {
	link = prefix $2 "." section
	if (link != page)
		print section, page, link
}
