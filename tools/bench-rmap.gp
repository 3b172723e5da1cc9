# SPDX-License-Identifier: GPL-2.0
# The plot of tools/bench-rmap, from its *.dat: entries, and nanoseconds to insert, to
# find a first byte, to find an interior one, to find none, and to remove.
set terminal svg size 1200,760 dynamic background "white" font "sans,13"
set output "plot.svg"
set multiplot layout 2,3 title "dma\\_rmap's table: nanoseconds of an operation, \
by the number of entries (in a guest; the last two in user space)"
set logscale x 10
set logscale y 2
set format x "10^{%L}"
set xrange [700:14000000]
set grid
set key top left reverse Left samplen 2
set style data linespoints
set pointsize 0.6

guest = "table xarray rht maple"
native = "table lfht"
title_of(name) = name eq "table" ? "dma\\_rmap" : name eq "rht" ? "rhashtable" : \
	name eq "maple" ? "maple tree" : name eq "lfht" ? "liburcu's lfht" : name
there(file) = system("test -s ".file." && echo 1 || echo 0") + 0
width_of(name) = name eq "table" ? 3 : 1.5
number(name) = name eq "table" ? 7 : name eq "xarray" ? 6 : name eq "rht" ? 2 : \
	name eq "maple" ? 4 : 3
# Of what was not measured there is one point without a place; where nothing was, a
# line that is not seen, for without any gnuplot gives up.
set print "none.dat"
print "1000 NaN NaN NaN NaN NaN"
set print
file(where, name) = there(where."-".name.".dat") ? where."-".name.".dat" : "none.dat"
any(where) = there(where."-table.dat") ? NaN : 16
seen(where, name) = there(where."-".name.".dat") ? title_of(name) : ""

set title "look-up, interior address"
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:4 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "look-up, miss"
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:5 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "look-up in user space, interior address"
plot any("native") lc rgb "#ffffffff" notitle, \
	for [name in native] file("native", name) using 1:4 lw width_of(name) \
	lt number(name) title seen("native", name)
set title "insert"
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:2 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "remove"
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:6 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "look-up in user space, miss"
plot any("native") lc rgb "#ffffffff" notitle, \
	for [name in native] file("native", name) using 1:5 lw width_of(name) \
	lt number(name) title seen("native", name)
unset multiplot
