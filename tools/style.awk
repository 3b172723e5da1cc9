# SPDX-License-Identifier: GPL-2.0
# The project's own style rules; prints "FILE:LINE: what is wrong".

function complain(what)
{
	printf "%s:%d: %s\n", FILENAME, FNR, what
}

# columns that a line takes, with tabs of eight
function width(line,	i, n)
{
	n = 0
	for (i = 1; i <= length(line); i++)
		n += substr(line, i, 1) == "\t" ? 8 - n % 8 : 1
	return n
}

function end_of_file()
{
	if (c && lines > 900)
		printf "%s: %d lines; it has more than one subject, perhaps\n", \
			name, lines
	if (source && !spdx)
		printf "%s: no SPDX line\n", name
	if (source && !comment && name !~ /Kbuild$|\/shim\//)
		printf "%s: no first comment that says what it is\n", name
}

FNR == 1 {
	if (name)
		end_of_file()
	name = FILENAME
	c = name ~ /\.[ch]$/
	document = name ~ /\.md$/
	source = c || name ~ /\.(sh|awk|mk)$/ || name ~ /(^|\/)(Kbuild|Makefile)$/ ||
		/^#!/
	spdx = comment = 0
}

{ lines = FNR }

FNR <= 3 && /SPDX-License-Identifier: GPL-2.0/ { spdx = 1; next }
FNR <= 12 && /^(\/\*|\/\/| \*|#[^!i])/ { comment = 1 }

/[ \t]$/ { complain("blanks at the end of the line") }
/\r/ { complain("a carriage return") }
# a message is not broken up, so that it can be found
!document && width($0) > 100 && !(c && /"[^"]*"[,);]*$/) { complain("longer than 100 columns") }
document && length($0) > 400 { complain("longer than 400 characters") }
c && /^ {8}/ { complain("indented with blanks") }
c && /\t +[^ *]/ && /^\t* {8}/ { complain("blanks where a tab belongs") }

# Kernel versions are known to one file; addresses are undone by the map alone.
c && /LINUX_VERSION_CODE|KERNEL_VERSION\(/ && FILENAME !~ /compat/ {
	complain("a kernel version outside of src/compat.h")
}
c && /[( ]HAVE_[A-Z]/ && FILENAME ~ /^(src|include)\// && FILENAME !~ /compat/ {
	complain("a probe of the kernel's headers outside of src/compat.h")
}
c && /(^|[^a-z_])(phys_to_virt|bus_to_virt|virt_to_bus)\(/ {
	complain("address arithmetic that the reverse map is there to replace")
}

END { if (name) end_of_file() }
